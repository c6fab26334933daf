import { mkdirSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { CLI } from '../cli.ts';
import { scratchFolder } from '../cluster/rig.ts';
import { type Cores, chooseCores, moveTo } from '../cores.ts';
import { machineFacts } from '../machine.ts';
import { buildNative } from '../native.ts';
import { align } from '../report.ts';
import { familyCpu, ownCpu } from '../services/family-cpu.ts';
import { type Postgres, startPostgres, withClient } from '../services/postgres.ts';
import { median } from '../summary.ts';
import { type IngestRow, ingest, ingestTable } from './ingest.ts';
import { copyWriter, insertWriter, type RowWriter, storeWriter } from './writers.ts';

/** Of the drivers in a commit, those stored whole with it when each reports once a second. */
const WHOLE = 5;

const HELP = `npm run bench -- persistence [options]      row 7: rows/s of the PostgreSQL store, and ingest meanwhile

  --rounds N         in turns (5)
  --rows N           of a turn (200000); a twentieth of that for single-row INSERTs
  --batches A,B      rows of one commit of the store (400,2000)
  --drivers N        of ingest, each with one watcher (500)
  --rate N           fixes/s of ingest (4000)
  --load N           rows/s of history that the second writer loads at most (20000)
  --seconds N        length of a window of ingest (5)
  --only A           rows or ingest (both)
  --server FILE      Waycast's cli, of another checkout perhaps, built there (packages/server/dist/cli.js)
  --out DIR          where the JSON goes (bench-results)
  --scratch DIR      where data folders go (the system's temporary folder, unless it is in memory)
`;

interface Turn {
  readonly writer: string;
  readonly round: number;
  readonly rowsPerSecond: number;
  /** us of CPU a row, of PostgreSQL and of this process */
  readonly postgres: number;
  readonly own: number;
}

const text = (value: string) => ({ type: 'string', default: value }) as const;

function read(args: string[]) {
  const { values } = parseArgs({
    args,
    options: {
      ...{ rounds: text('5'), rows: text('200000'), batches: text('400,2000') },
      ...{ drivers: text('500'), rate: text('4000'), load: text('20000'), seconds: text('5') },
      ...{ only: text('rows,ingest'), server: text(CLI), out: text('bench-results'), scratch: { type: 'string' } },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  const number = (name: 'rounds' | 'rows' | 'drivers' | 'rate' | 'load' | 'seconds') => above0(name, values[name]);
  const windows = { drivers: number('drivers'), rate: number('rate'), load: number('load'), seconds: number('seconds') };
  const batches = values.batches.split(',').map((batch) => above0('batches', batch));
  return { ...values, ...windows, batches, rounds: number('rounds'), rows: number('rows') };
}

function above0(name: string, given: string): number {
  const value = Number(given);
  if (!(value > 0)) throw new Error(`--${name} takes a number above 0, not "${given}"`);
  return value;
}

type Plan = ReturnType<typeof read>;

/** Row 7 of the performance budget. */
export async function persistence(argv: string[]): Promise<void> {
  const plan = read(argv);
  if (plan.help) return console.log(HELP);
  const scratch = scratchFolder(plan.scratch);
  const cores = chooseCores();
  const started = new Date();
  const machine = machineFacts(cores, scratch);
  console.log(
    `${machine.cpu}, ${machine.cores} cores, Node ${machine.node}, load ${machine.load.join(' ')}; fsync and synchronous_commit on`,
  );
  if (machine.scratchInMemory) console.log(`WARNING: ${scratch} is in memory, so that fsync costs nothing; use --scratch`);
  const turns = plan.only.includes('rows') ? await rowsPart(plan, scratch) : [];
  const windows = plan.only.includes('ingest') ? await ingestPart(plan, scratch, cores) : [];
  mkdirSync(plan.out, { recursive: true });
  const file = resolve(plan.out, `row7-${started.toISOString().replaceAll(':', '').slice(0, 17)}.json`);
  writeFileSync(file, `${JSON.stringify({ started, machine, plan, turns, windows }, null, 1)}\n`);
  console.log(`saved: ${file}`);
}

async function rowsPart({ rounds, rows, batches }: Plan, scratch: string): Promise<Turn[]> {
  const postgres = await startPostgres(scratch);
  const turns = await rowTurns(postgres, scratch, rounds, rows, batches).finally(() => postgres.stop());
  console.log(`\nMedians of the rounds:\n${rowTable(turns)}\n`);
  return turns;
}

async function ingestPart(plan: Plan, scratch: string, cores: Cores): Promise<IngestRow[]> {
  const generator = buildNative('generator', scratch);
  if (generator === undefined) throw new Error('this needs gcc, for the generator');
  // The server has a core to itself: what is measured is what the database holds up, not who gets the processor.
  if (cores.pinned) moveTo(cores.generator);
  const postgres = await startPostgres(scratch, cores.pinned ? cores.generator : undefined);
  try {
    const windows = await ingest(plan, { cores, generator, scratch, databaseUrl: await postgres.newDatabase() });
    console.log(`\nMedians of the rounds:\n${ingestTable(windows)}\n`);
    return windows;
  } finally {
    await postgres.stop();
  }
}

/** Each writer has a database of its own, with the same tables: they keep their own cursors. */
async function rowTurns(postgres: Postgres, scratch: string, rounds: number, rows: number, batches: number[]): Promise<Turn[]> {
  const largest = Math.max(...batches);
  const commits = [...batches.map((size) => ({ size, whole: 0 })), { size: largest, whole: Math.ceil(largest / WHOLE) }];
  const writers: RowWriter[] = [];
  for (const { size, whole } of commits) writers.push(await storeWriter(await postgres.newDatabase(), rows, size, whole));
  for (const make of [copyWriter, insertWriter]) {
    const url = await postgres.newDatabase();
    // It makes the tables, with its first commit today's partition.
    const first = await storeWriter(url, 1, 1, 0);
    await first.write();
    await first.close();
    writers.push(make(url, make === insertWriter ? Math.ceil(rows / 20) : rows, scratch));
  }
  const turns: Turn[] = [];
  try {
    // The first round compiles code and makes partitions.
    for (let round = 0; round <= rounds; round++) {
      for (const writer of writers) {
        const one = await turn(writer, round, postgres);
        if (round > 0) turns.push(one);
      }
    }
  } finally {
    for (const writer of writers) await writer.close();
  }
  return turns;
}

async function turn(writer: RowWriter, round: number, postgres: Postgres): Promise<Turn> {
  await withClient(writer.url, (client) => client.query('TRUNCATE location_history; CHECKPOINT'));
  const [since, databaseBefore, ownBefore] = [performance.now(), familyCpu(postgres.pid), ownCpu()];
  await writer.write();
  const seconds = (performance.now() - since) / 1_000;
  const spent = { postgres: familyCpu(postgres.pid) - databaseBefore, own: ownCpu() - ownBefore };
  const there = await withClient(writer.url, (client) => client.query<{ count: number }>('SELECT count(*)::int FROM location_history'));
  const count = there.rows[0]?.count;
  if (count !== writer.rows) throw new Error(`${writer.name} wrote ${writer.rows} rows, ${count} are there`);
  const us = (cpu: number) => (cpu * 1e6) / writer.rows;
  const done = { writer: writer.name, round, rowsPerSecond: writer.rows / seconds, postgres: us(spent.postgres), own: us(spent.own) };
  console.log(`${round === 0 ? 'warm-up' : `round ${round}`}, ${writer.name}: ${done.rowsPerSecond.toFixed(0)} rows/s`);
  return done;
}

const REACH = { 'psql COPY': 0.8, 'single-row INSERT': 20 };

/** Medians of the rounds; ratios are those of each store to the writers after it. */
function rowTable(turns: readonly Turn[]): string {
  const groups = [...Map.groupBy(turns, ({ writer }) => writer)];
  const rate = (name: string) => median(turns.filter(({ writer }) => writer === name).map((one) => one.rowsPerSecond));
  const others = Object.entries(REACH);
  const head = [
    'writer',
    'rows/s',
    'us of CPU a row: postgres',
    'bench',
    ...others.map(([name, reach]) => `of ${name} (budget >= ${reach})`),
  ];
  const lines = groups.map(([name, all]) => [
    name,
    rate(name).toFixed(0),
    median(all.map((one) => one.postgres)).toFixed(1),
    median(all.map((one) => one.own)).toFixed(1),
    ...others.map(([other]) => (name in REACH ? '' : `${(rate(name) / rate(other)).toFixed(2)}x`)),
  ]);
  return align([head, ...lines]);
}
