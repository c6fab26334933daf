import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app/app.tsx';
import { ErrorBoundary } from './app/error-boundary.tsx';
import { RouteStore, takeSignInCode } from './app/route.ts';
import { SessionStore } from './live/session.ts';
import { readUiConfig } from './live/ui-config.ts';
import './styles/tokens.css';
import './styles/base.css';
import './styles/layout.css';
import './styles/controls.css';
import './styles/trips.css';
import './styles/trip-panel.css';
import './styles/driver-card.css';
import './styles/map.css';
import './styles/sign-in.css';

async function start(root: HTMLElement): Promise<void> {
  const code = takeSignInCode();
  const sessions = new SessionStore();
  // The map is the largest part; it need not wait for the configuration. A failure shows where it is used.
  if (code !== null || sessions.state.get().state === 'in') import('./map/engine.ts').catch(() => {});
  const [config] = await Promise.all([readUiConfig(), code === null ? null : sessions.redeem(code)]);
  const services = { sessions, config, route: new RouteStore() };
  createRoot(root).render(
    <StrictMode>
      <ErrorBoundary>
        <App services={services} />
      </ErrorBoundary>
    </StrictMode>,
  );
}

const root = document.getElementById('root');
if (root !== null) void start(root);
