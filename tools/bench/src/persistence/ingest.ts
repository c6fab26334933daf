import { mkdtempSync, writeFileSync } from 'node:fs';
import { Agent, request } from 'node:http';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Child, start } from '../children.ts';
import type { Cores } from '../cores.ts';
import { Generator, type GeneratorResult } from '../generator.ts';
import { quantile } from '../nearby/quantile.ts';
import { sign, waycast } from '../peers/waycast-peer.ts';
import { baseLat, baseLng } from '../positions.ts';
import { align } from '../report.ts';
import { freePort } from '../session.ts';
import { median } from '../summary.ts';
import { Loader } from './loader.ts';

/** Fixes/s whose `stored` is waited for one by one, over REST: watermarks of the stream come once a second. */
const PROBES = 50;
const WARM_UP_S = 4;
const PAUSE_MS = 500;

export interface IngestLoad {
  readonly server: string;
  readonly drivers: number;
  /** fixes/s over sockets */
  readonly rate: number;
  /** rows/s of the second writer at most */
  readonly load: number;
  readonly rounds: number;
  readonly seconds: number;
}

/** Where its parts run, and what the generator is. */
export interface IngestRig {
  readonly cores: Cores;
  readonly generator: string;
  readonly scratch: string;
  readonly databaseUrl: string;
}

export interface IngestRow {
  readonly loading: boolean;
  readonly round: number;
  readonly result: GeneratorResult;
  /** ms from sending to the answer that it is stored */
  readonly storedP50: number;
  readonly storedP99: number;
  /** rows/s of the second writer */
  readonly loaded: number;
}

/** A server on PostgreSQL takes fixes; windows in which somebody else loads history take turns with windows in which nobody does. */
export async function ingest(load: IngestLoad, rig: IngestRig): Promise<IngestRow[]> {
  const folder = mkdtempSync(join(rig.scratch, 'ingest-'));
  const port = await freePort();
  const peer = waycast(load.server);
  const launch = peer.launch(port, folder);
  const serverCore = rig.cores.pinned ? rig.cores.server : undefined;
  const otherCore = rig.cores.pinned ? rig.cores.generator : undefined;
  const server = start({ ...launch, env: { ...launch.env, DATABASE_URL: rig.databaseUrl } }, serverCore, false);
  const loader = new Loader(rig.databaseUrl, load.load, otherCore);
  let child: Child | undefined;
  try {
    await peer.ready(port);
    const plan = join(folder, 'plan');
    const lines = (await peer.plan(port, load.drivers)).map(
      ({ path, header = '-', first = '-', marker = '-' }) => `${[path, header, first, marker].join('\t')}\n`,
    );
    writeFileSync(plan, lines.join(''), { mode: 0o600 });
    child = start({ command: rig.generator, args: [String(port), plan, peer.mark, '', '', '1'], env: {} }, otherCore, true);
    const generator = new Generator(child);
    await generator.connected();
    await generator.run(load.rate, { seconds: WARM_UP_S, lead: 0, drain: 20 }, () => undefined);
    const rows: IngestRow[] = [];
    for (let round = 1; round <= load.rounds; round++) {
      for (const loading of [false, true]) {
        rows.push(await turn(generator, port, loading ? loader : undefined, load, round));
        await pause(PAUSE_MS);
      }
    }
    return rows;
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : String(error)}\n${server.tail()}`);
  } finally {
    await child?.stop(2);
    await loader.close();
    await server.stop(20);
  }
}

async function turn(generator: Generator, port: number, loader: Loader | undefined, load: IngestLoad, round: number): Promise<IngestRow> {
  const end = new AbortController();
  const since = performance.now();
  const before = loader?.stored ?? 0;
  const others = [loader?.run(end.signal), probe(port, await sign('bench', 'service'), round, loader !== undefined, end.signal)] as const;
  const result = await generator.run(load.rate, { seconds: load.seconds, lead: 0.5, drain: 20 }, (edge) => {
    if (edge === 'end') end.abort();
  });
  const seconds = (performance.now() - since) / 1_000;
  const [, times] = await Promise.all(others);
  const loaded = ((loader?.stored ?? 0) - before) / seconds;
  const row = { loading: loader !== undefined, round, result, storedP50: quantile(times, 0.5), storedP99: quantile(times, 0.99), loaded };
  const what = loader === undefined ? 'alone' : `while ${loaded.toFixed(0)} rows/s are loaded`;
  console.log(
    `round ${round}, ${load.rate} fixes/s ${what}: to watcher p50 ${result.p50.toFixed(2)} ms, p99 ${result.p99.toFixed(2)} ms; ` +
      `stored p50 ${row.storedP50.toFixed(1)} ms, p99 ${row.storedP99.toFixed(1)} ms; all stored ${result.storedMs.toFixed(0)} ms after the end`,
  );
  return row;
}

/** Fixes of drivers of their own, one at a time due at their moments; answers ms until each was known to be stored. */
async function probe(port: number, token: string, round: number, loading: boolean, until: AbortSignal): Promise<number[]> {
  const agent = new Agent({ keepAlive: true, maxSockets: PROBES });
  const times: number[] = [];
  const open: Promise<void>[] = [];
  const began = performance.now();
  for (let n = 0; !until.aborted; n++) {
    const due = began + (n * 1_000) / PROBES;
    if (due > performance.now()) await pause(due - performance.now());
    const driver = `probe-${round}-${loading ? 'l' : 'a'}-${n}`;
    open.push(store(port, token, driver, n, agent).then(() => void times.push(performance.now() - due)));
  }
  await Promise.all(open);
  agent.destroy();
  return times;
}

function store(port: number, token: string, driver: string, n: number, agent: Agent): Promise<void> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  const path = `/v1/drivers/${driver}/locations`;
  return new Promise((resolve, reject) => {
    const asked = request({ host: '127.0.0.1', port, method: 'POST', path, headers, agent }, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      answer.once('end', () => {
        if (text.includes('"stored":1')) resolve();
        else reject(new Error(`POST ${path}: ${answer.statusCode} ${text.slice(0, 300)}`));
      });
    });
    asked.once('error', reject);
    asked.end(JSON.stringify({ lat: baseLat(n) / 1e7, lng: baseLng(n) / 1e7, timestamp: new Date().toISOString() }));
  });
}

/** Medians of the rounds. */
export function ingestTable(rows: readonly IngestRow[]): string {
  const lines = [false, true].map((loading) => {
    const all = rows.filter((row) => row.loading === loading);
    const middle = (of: (row: IngestRow) => number) => median(all.map(of));
    const watcher = [middle(({ result }) => result.p50), middle(({ result }) => result.p99)];
    const times = [...watcher, middle((row) => row.storedP50), middle((row) => row.storedP99)].map((ms) => ms.toFixed(2));
    return [loading ? 'history is loaded' : 'alone', middle((row) => row.loaded).toFixed(0), ...times];
  });
  return align([['ingest', 'rows/s loaded', 'to watcher p50 ms', 'p99 ms', 'stored p50 ms', 'p99 ms'], ...lines]);
}
