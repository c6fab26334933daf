import { useServices } from './services.ts';

export function Brand() {
  const { config } = useServices();
  return (
    <div className="brand">
      <svg viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">
        <rect width="32" height="32" rx="9" className="brand-ground" />
        <path d="M16 7 24.5 24.5 16 20.4 7.5 24.5Z" className="brand-mark" />
      </svg>
      <span className="brand-name">{config.serviceName}</span>
    </div>
  );
}
