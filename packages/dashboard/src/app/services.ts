import { createContext, useContext } from 'react';
import type { Live } from '../live/live.ts';
import type { SessionStore } from '../live/session.ts';
import type { UiConfig } from '../live/ui-config.ts';
import type { RouteStore } from './route.ts';

/** What lasts as long as the page. */
export interface Services {
  sessions: SessionStore;
  route: RouteStore;
  config: UiConfig;
}

export const ServicesContext = createContext<Services | null>(null);
export const LiveContext = createContext<Live | null>(null);

export function useServices(): Services {
  const services = useContext(ServicesContext);
  if (services === null) throw new Error('used outside the page');
  return services;
}

export function useLive(): Live {
  const live = useContext(LiveContext);
  if (live === null) throw new Error('used while signed out');
  return live;
}
