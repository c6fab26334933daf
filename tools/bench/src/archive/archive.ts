import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { start } from '../children.ts';
import { CLI } from '../cli.ts';
import { chooseCores } from '../cores.ts';
import { Calls } from '../delivery/clients.ts';
import { type Latency, latencyOf } from '../delivery/latencies.ts';
import { diskFolder, machineFacts } from '../machine.ts';
import { sign, waycast } from '../peers/waycast-peer.ts';
import { freePort } from '../session.ts';
import { makeHistory } from './history.ts';
import { moveHistory } from './moved-history.ts';

const DAY_MS = 86_400_000;
/** Hot days before today, of which nothing leaves. */
const RETENTION = 30;
const LOOKED_AT = 5;

const HELP = `npm run bench -- archive [options]      a long history leaves the database while fixes come in

  --rows N           fixes of the history (20000000)
  --days N           it was received on (30)
  --drivers N        it is of (1000)
  --rate N           fixes a second that come in meanwhile, each a call that waits until it is stored (200)
  --quiet N          seconds of the same before and after (30)
  --postgres         the database is a PostgreSQL of the bench's own, into which the history is moved first (the embedded one)
  --out DIR          where the JSON goes (bench-results)
  --scratch DIR      where the data folder and the archive go (the system's temporary folder, unless it is in memory)
`;

interface Report {
  readonly archived: number;
  readonly bytes: number;
  readonly dropped: number;
}

type Doing = 'archiving' | 'dropping';

interface State {
  readonly running: boolean;
  readonly progress: { readonly doing: Doing } | null;
  readonly lastRun: { readonly report: Report | null; readonly problem: string | null } | null;
}

/** How long an ingest takes until it is stored, before, while and after a history is archived and dropped; and bytes a fix on both sides. */
export async function archive(argv: string[]): Promise<void> {
  const { values } = parseArgs({
    args: argv,
    options: {
      rows: { type: 'string', default: '20000000' },
      days: { type: 'string', default: '30' },
      drivers: { type: 'string', default: '1000' },
      rate: { type: 'string', default: '200' },
      quiet: { type: 'string', default: '30' },
      postgres: { type: 'boolean', default: false },
      out: { type: 'string', default: 'bench-results' },
      scratch: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return console.log(HELP);
  const scratch = mkdtempSync(join(resolve(values.scratch ?? diskFolder()), 'waycast-bench-'));
  process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
  const machine = machineFacts(chooseCores(), scratch);
  console.log(`${machine.cpu}, ${machine.cores} cores, Node ${machine.node}`);
  const began = new Date();
  const folder = join(scratch, 'archive');
  mkdirSync(folder);
  const made = makeHistory(join(scratch, 'data'), Number(values.rows), Number(values.days), Number(values.drivers), RETENTION + 1);
  console.log(`${values.rows} fixes made in ${seconds(began)} s, ${made.bytesPerFix.toFixed(1)} bytes each in the database`);
  const moved = values.postgres ? await moveHistory(scratch, join(scratch, 'data')) : null;
  if (moved !== null) console.log(`moved to PostgreSQL, ${moved.bytesPerFix.toFixed(1)} bytes each there`);
  const port = await freePort();
  const peer = waycast(CLI);
  const launch = peer.launch(port, scratch);
  const place = { ARCHIVE_URL: pathToFileURL(folder).href, ...(moved !== null && { DATABASE_URL: moved.url }) };
  const server = start({ ...launch, env: { ...launch.env, ...place } }, undefined, false);
  const calls = new Calls(port);
  try {
    await peer.ready(port);
    const admin = await sign('bench', 'admin');
    const looked = made.drivers.filter((_, n) => n % Math.ceil(made.drivers.length / LOOKED_AT) === 0);
    const tracks = () => digestOf(calls, admin, looked, made.from + 2 * DAY_MS);
    const before = await tracks();
    const ingest = new Ingest(calls, await sign('fleet', 'service'), Number(values.rate));
    await ingest.during(pause(3_000));
    const quiet = await ingest.during(pause(Number(values.quiet) * 1_000));
    const ran = new Date();
    const parts: Record<Doing, number[]> = { archiving: [], dropping: [] };
    let doing: Doing = 'archiving';
    const running = run(calls, admin, (now) => {
      doing = now;
    });
    // Whatever else fails first is the reason.
    running.catch(() => undefined);
    const busy = await ingest.during(
      running.then(() => undefined),
      (ms) => parts[doing].push(ms),
    );
    const report = await running;
    const took = seconds(ran);
    const after = await ingest.during(pause(Number(values.quiet) * 1_000));
    const isSame = (await tracks()) === before;
    const row = {
      rows: report,
      seconds: took,
      bytesHot: (moved ?? made).bytesPerFix,
      bytesArchived: report.bytes / report.archived,
      quiet,
      busy,
      archiving: latencyOf(parts.archiving),
      dropping: latencyOf(parts.dropping),
      after,
      isSame,
    };
    console.log(
      `${report.archived} fixes archived, ${report.dropped} dropped in ${took} s, ${row.bytesArchived.toFixed(2)} bytes each in the archive`,
    );
    const { archiving, dropping } = row;
    for (const [name, latency] of Object.entries({ before: quiet, meanwhile: busy, archiving, dropping, after }))
      console.log(line(name, latency));
    console.log(`p99 meanwhile is ${(busy.p99 / ((quiet.p99 + after.p99) / 2)).toFixed(2)} of what it is without`);
    console.log(`tracks of an archived day of ${looked.length} drivers: ${isSame ? 'the same as before' : 'NOT the same as before'}`);
    mkdirSync(values.out, { recursive: true });
    const file = resolve(values.out, `archive-${began.toISOString().replaceAll(':', '').slice(0, 17)}.json`);
    writeFileSync(file, `${JSON.stringify({ began, machine, plan: values, row }, null, 1)}\n`);
    console.log(`saved: ${file}`);
  } catch (error) {
    const state = `the server ${server.ended() ? 'has ended' : 'runs'}, and wrote last: ${server.tail()}`;
    throw new Error(`${(error as Error).message}; ${state}`, { cause: error });
  } finally {
    calls.close();
    await server.stop();
    await moved?.postgres.stop();
  }
}

/** Of the server's own daily run another one may follow at once: what counts is the one that was asked for. */
async function run(calls: Calls, admin: string, told: (doing: Doing) => void): Promise<Report> {
  await calls.call('POST', '/v1/archive', admin, {}, 202);
  for (let state = await stateOf(calls, admin); state.running; state = await stateOf(calls, admin)) {
    if (state.progress !== null) told(state.progress.doing);
    await pause(500);
  }
  const { lastRun } = await stateOf(calls, admin);
  if (lastRun?.report === null || lastRun?.report === undefined) throw new Error(`it was not archived: ${lastRun?.problem}`);
  return lastRun.report;
}

async function stateOf(calls: Calls, admin: string): Promise<State> {
  return JSON.parse((await calls.call('GET', '/v1/archive', admin)).body) as State;
}

/** Of what is answered for a day of some drivers. */
async function digestOf(calls: Calls, admin: string, drivers: readonly string[], from: number): Promise<string> {
  const hash = createHash('sha256');
  for (const driver of drivers) {
    const { body } = await calls.call('GET', `/v1/drivers/${driver}/locations?from=${from}&to=${from + DAY_MS}&limit=5000`, admin);
    if (!body.includes('"lat"')) throw new Error(`${driver} has no track of that day`);
    hash.update(body);
  }
  return hash.digest('hex');
}

/** Fixes at a steady rate, whatever became of those before. */
class Ingest {
  readonly #calls: Calls;
  readonly #token: string;
  readonly #rate: number;
  #sent = 0;

  constructor(calls: Calls, token: string, rate: number) {
    this.#calls = calls;
    this.#token = token;
    this.#rate = rate;
  }

  /** How long they took until they were stored, ms; `told` of each as it ends. */
  async during(what: Promise<void>, told: (ms: number) => void = () => undefined): Promise<Latency> {
    const times: number[] = [];
    const under: Promise<void>[] = [];
    let failure: unknown;
    const ends = what.then(() => 'ended' as const);
    const began = performance.now();
    for (let n = 0; ; n++) {
      const due = began + (n * 1_000) / this.#rate;
      const waited = await Promise.race([ends, pause(Math.max(0, due - performance.now()))]);
      if (waited === 'ended' || failure !== undefined) break;
      under.push(
        this.#send().then(
          (ms) => {
            times.push(ms);
            told(ms);
          },
          (error: unknown) => {
            failure ??= error;
          },
        ),
      );
    }
    await Promise.all(under);
    if (failure !== undefined) throw failure;
    return latencyOf(times);
  }

  async #send(): Promise<number> {
    const n = this.#sent++;
    const fix = { lat: 48 + (n % 1_000) / 10_000, lng: 11.5 };
    return (await this.#calls.call('POST', `/v1/drivers/live-${n % this.#rate}/locations`, this.#token, fix)).ms;
  }
}

function line(name: string, { p50, p99, max }: Latency): string {
  return `${name}: stored after p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms, max ${max.toFixed(1)} ms`;
}

function seconds(since: Date): number {
  return Math.round((Date.now() - since.getTime()) / 1_000);
}
