import { useStore } from '../live/store.ts';
import { useLive } from './services.ts';

/** Says changes of the connection and arrivals of the opened trip to screen readers. */
export function Announcer() {
  const words = useStore(useLive().said);
  return (
    <p className="visually-hidden" aria-live="polite" data-testid="announcer">
      {words}
    </p>
  );
}
