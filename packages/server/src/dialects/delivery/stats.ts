import type { TripStatus } from '@waycast/protocol';
import { STEPS, type Step, type TrackingStats } from './messages.ts';

/** What was counted. */
export interface Counted {
  readonly total: number;
  readonly byStatus: ReadonlyMap<TripStatus, number>;
  readonly byAge: { readonly justNow: number; readonly lately: number; readonly older: number };
  readonly connections: number;
}

export function statsOf({ total, byStatus, byAge, connections }: Counted): TrackingStats {
  return {
    total_active_sessions: total,
    total_websocket_connections: connections,
    status_distribution: Object.fromEntries(STEPS.map((step) => [step, byStatus.get(step) ?? 0])) as Record<Step, number>,
    sessions_by_recency: { last_5_min: byAge.justNow, last_hour: byAge.lately, older: byAge.older },
  };
}
