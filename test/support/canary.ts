import { caller } from './rest.ts';
import type { TestServer } from './server-process.ts';
import { until } from './until.ts';

/** What the canary's metrics say, added up over their labels. */
export interface CanaryCounts {
  readonly watcher: number;
  readonly stored: number;
  readonly failures: Readonly<Record<'watcher' | 'stored', number>>;
  /** Epoch s. */
  readonly lastSuccess: number;
}

export async function canaryCounts(server: TestServer): Promise<CanaryCounts> {
  const { text } = await caller(server, await server.token('admin')).get('/metrics');
  const value = (series: string): number =>
    Number(
      text
        .split('\n')
        .find((line) => line.startsWith(`${series} `))
        ?.slice(series.length),
    );
  return {
    watcher: value('waycast_canary_fix_to_watcher_seconds_count'),
    stored: value('waycast_canary_fix_to_stored_seconds_count'),
    failures: {
      watcher: value('waycast_canary_failures_total{stage="watcher"}'),
      stored: value('waycast_canary_failures_total{stage="stored"}'),
    },
    lastSuccess: value('waycast_canary_last_success_timestamp_seconds'),
  };
}

/** Waits until so many more of its fixes have gone all the way. */
export async function canarySings(server: TestServer, rounds = 3): Promise<CanaryCounts> {
  const before = await canaryCounts(server);
  return until(
    () => canaryCounts(server),
    ({ watcher, stored }) => watcher >= before.watcher + rounds && stored >= before.stored + rounds,
  );
}
