import { Store } from '../live/store.ts';

/** What the address bar names: the opened trip and the opened driver. */
export interface Route {
  trip: string | null;
  driver: string | null;
}

export function parseRoute(hash: string): Route {
  const params = new URLSearchParams(hash.replace(/^#/, ''));
  return { trip: params.get('trip') || null, driver: params.get('driver') || null };
}

export function formatRoute(route: Route): string {
  const parts: string[] = [];
  if (route.trip !== null) parts.push(`trip=${encodeURIComponent(route.trip)}`);
  if (route.driver !== null) parts.push(`driver=${encodeURIComponent(route.driver)}`);
  return parts.length === 0 ? '' : `#${parts.join('&')}`;
}

/** Follows the address bar: reload, back and forward all work. */
export class RouteStore {
  readonly state: Store<Route>;

  constructor() {
    this.state = new Store(parseRoute(location.hash));
    addEventListener('popstate', () => this.state.set(parseRoute(location.hash)));
    addEventListener('hashchange', () => this.state.set(parseRoute(location.hash)));
  }

  go(change: Partial<Route>): void {
    const now = this.state.get();
    const next = { ...now, ...change };
    if (next.trip === now.trip && next.driver === now.driver) return;
    history.pushState(null, '', `${location.pathname}${location.search}${formatRoute(next)}`);
    this.state.set(next);
  }
}

/** The code of a printed sign-in URL, taken out of the address bar at once: it must not stay in the history. */
export function takeSignInCode(): string | null {
  const code = new URLSearchParams(location.hash.replace(/^#/, '')).get('signin');
  if (code !== null) history.replaceState(null, '', location.pathname + location.search);
  return code;
}
