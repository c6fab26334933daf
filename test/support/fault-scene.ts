import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StreamClient } from '@waycast/client';
import { type Cluster, startCluster } from './cluster.ts';
import { CrashLoad } from './crash-load.ts';
import { residentMb } from './proc.ts';
import { type Recorder, recorder } from './recorder.ts';
import type { TestServer } from './server.ts';
import type { SignToken } from './token-keys.ts';
import { until } from './until.ts';

/** ms between two beats: some 500 fixes a second. */
const PACE = 60;
/** Settings under which the load is never refused for its pace. */
export const ENV = { LOCATION_UPDATE_RATE_LIMIT: '0', REST_RATE_LIMIT_PER_MINUTE: '1000000', LOG_LEVEL: 'info' };
const IMPATIENT = { min: 10, max: 100, ping: 1_000, silence: 3_000 };
/** A fault lasts less than this, whatever it is, until everything goes on, ms. */
const RECOVERED_WITHIN_MS = 60_000;

export interface FaultSceneOptions {
  /** Those who start these end them, after the scene. */
  readonly redis: { readonly url: string };
  readonly database?: { readonly url: string };
  readonly processes?: number;
  /** Of watchers, through nginx as all others; 4 by default, so that each process has some. */
  readonly watchers?: number;
  readonly pace?: number;
  readonly seed?: number;
  /** Settings of the processes on top of those of any scene, and who hands out the tokens they take. */
  readonly env?: Readonly<Record<string, string>>;
  readonly token?: SignToken;
}

/** Drivers, and who watches them. */
export interface LoadScene {
  readonly load: CrashLoad;
  readonly watchers: readonly Recorder[];
}

/** Several processes under the load of the crash rounds, with watchers: what faults are done to. */
export interface FaultScene extends LoadScene {
  readonly cluster: Cluster;
  readonly seed: number;
  /** Resident memory of the processes, the most that was seen, MB. */
  readonly mostMb: () => number;
  close(): Promise<void>;
}

/** Resolves when everybody drives, and every process has watchers. */
export async function underFault({
  redis,
  database,
  processes = 2,
  watchers = 4,
  pace = PACE,
  seed,
  env,
  token,
}: FaultSceneOptions): Promise<FaultScene> {
  const number = seed ?? Date.now() % 1_000_000;
  const shared = { ...(database !== undefined && { database }), ...(token !== undefined && { token }) };
  const cluster = await startCluster({ redis, processes, env: { ...ENV, ...env }, ...shared });
  await cluster.settled();
  const memory = watchMemory(cluster);
  const { close, ...scene } = await underLoad(cluster.entry, watchers, number, pace);
  return {
    ...scene,
    cluster,
    seed: number,
    mostMb: memory.most,
    close: async () => {
      memory.stop();
      close();
      await cluster.stop();
    },
  };
}

/** Resolves when everybody drives, and all of so many watchers see it. */
export async function underLoad(entry: TestServer, watchers: number, seed: number, pace: number): Promise<LoadScene & { close(): void }> {
  const folder = mkdtempSync(join(tmpdir(), 'waycast-fault-'));
  const load = new CrashLoad(folder, entry, () => entry.token('service'), seed, pace);
  await load.prepare(entry);
  load.start();
  const clients: StreamClient[] = [];
  const recorders: Recorder[] = [];
  for (let n = 0; n < watchers; n++) {
    const client = new StreamClient({ url: entry.url, token: () => entry.token('dispatcher', `watcher-${n}`), timing: IMPATIENT });
    const own = recorder(`watcher-${n}`, client);
    for (const feed of feedsOf(load)) own.watch(feed);
    clients.push(client);
    recorders.push(own);
  }
  await until(
    () => recorders.map(({ messages }) => messages.filter(({ type }) => type === 'location').length),
    (counts) => counts.every((count) => count > 50),
  );
  return {
    load,
    watchers: recorders,
    close: () => {
      for (const client of clients) client.close();
      load.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** What each watcher follows: some of each kind of driver, and a trip of each of those. */
export function feedsOf({ drivers }: CrashLoad): (`driver:${string}` | `trip:${string}`)[] {
  return drivers.filter(({ id }) => /-[01]$/.test(id)).flatMap(({ id, trips }) => [`driver:${id}` as const, `trip:${trips[0]}` as const]);
}

/** Waits until fixes of every driver are stored that are not now; answers how long that took, ms. Asked of the database itself. */
export async function everybodyStores({ cluster, load }: FaultScene): Promise<number> {
  const begun = performance.now();
  const before = await rowsOf(cluster);
  await until(
    async () => {
      const now = await rowsOf(cluster);
      return load.drivers.filter(({ id }) => (now.get(id) ?? 0) <= (before.get(id) ?? 0)).map(({ id }) => id);
    },
    (waiting) => waiting.length === 0,
    RECOVERED_WITHIN_MS,
  );
  return performance.now() - begun;
}

/** Whose fixes come by streams: those over REST are sent when the ones before are stored. */
export const STREAMING = /^driver:(live|batch)/;

/** Waits until every watcher was told of something new on each of these feeds of drivers; answers how long that took, ms. */
export async function everybodySees({ watchers, load }: LoadScene, of = /^driver:/): Promise<number> {
  const begun = performance.now();
  const feeds = feedsOf(load).filter((feed) => of.test(feed));
  const shown = () => watchers.map((one) => feeds.map((feed) => one.lastPosition(feed)?.timestamp ?? ''));
  const before = shown();
  await until(
    () => shown().flatMap((row, n) => row.flatMap((seen, i) => (seen > (before[n]?.[i] ?? '') ? [] : [`watcher-${n} ${feeds[i]}`]))),
    (waiting) => waiting.length === 0,
    RECOVERED_WITHIN_MS,
  );
  return performance.now() - begun;
}

/** Lets a fault last: the time is the fault itself, nothing is waited for. */
export async function lasting(ms: number): Promise<void> {
  const end = performance.now() + ms;
  await until(
    () => performance.now(),
    (now) => now >= end,
    ms + 10_000,
  );
}

export function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}

async function rowsOf(cluster: Cluster): Promise<ReadonlyMap<string, number>> {
  const rows = await cluster.query<{ id: string; count: number }>(
    'SELECT d.id, count(*)::int AS count FROM location_history h JOIN driver d ON d.n = h.driver GROUP BY d.id',
  );
  return new Map(rows.map(({ id, count }) => [id, count]));
}

function watchMemory(cluster: Cluster): { readonly most: () => number; readonly stop: () => void } {
  let most = 0;
  const timer = setInterval(() => {
    for (const { pid } of cluster.servers) most = Math.max(most, memoryOf(pid));
  }, 500);
  return { most: () => most, stop: () => clearInterval(timer) };
}

function memoryOf(pid: number): number {
  try {
    return residentMb(pid);
  } catch {
    // Killed meanwhile: it has none.
    return 0;
  }
}
