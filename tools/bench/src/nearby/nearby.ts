import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { CLI } from '../cli.ts';
import { chooseCores, moveTo } from '../cores.ts';
import { diskFolder, machineFacts } from '../machine.ts';
import { type IndexRow, indexRow } from './index-row.ts';
import type { Spread } from './places.ts';
import { type ServerRow, serverRow } from './server-row.ts';

const HELP = `npm run bench -- nearby [options]      row 5: the nearest of many moving drivers

  --drivers N        drivers known (100000)
  --rate N           updates/s that arrive meanwhile, over sockets of a service (10000)
  --questions N      questions/s over REST (100)
  --seconds N        length of the measured window (20)
  --spread A,B       of clustered, sparse (both)
  --no-server        only the index in process
  --cpu-prof         profile the server, and print where its time goes
  --server FILE      Waycast's cli, of another checkout perhaps, built there (packages/server/dist/cli.js)
  --out DIR          where the JSON goes (bench-results)
  --scratch DIR      where data folders go (the system's temporary folder, unless it is in memory)
`;

/** Row 5 of the performance budget: the index by itself against looking at all, then a server under updates. */
export async function nearby(argv: string[]): Promise<void> {
  const { values } = parseArgs({
    args: argv,
    options: {
      drivers: { type: 'string', default: '100000' },
      rate: { type: 'string', default: '10000' },
      questions: { type: 'string', default: '100' },
      seconds: { type: 'string', default: '20' },
      spread: { type: 'string', default: 'clustered,sparse' },
      'no-server': { type: 'boolean', default: false },
      'cpu-prof': { type: 'boolean', default: false },
      server: { type: 'string', default: CLI },
      out: { type: 'string', default: 'bench-results' },
      scratch: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return console.log(HELP);
  const [drivers, rate, questions, seconds] = [values.drivers, values.rate, values.questions, values.seconds].map(Number) as [
    ...[number, number, number, number],
  ];
  if (![drivers, rate, questions, seconds].every((value) => value > 0)) throw new Error('numbers above 0, please; see --help');
  const spreads = values.spread.split(',').map(known);
  const cores = chooseCores();
  if (cores.pinned) moveTo(cores.generator);
  const scratch = mkdtempSync(join(resolve(values.scratch ?? diskFolder()), 'waycast-bench-'));
  process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
  const started = new Date();
  const machine = machineFacts(cores, scratch);
  console.log(`${machine.cpu}, ${machine.cores} cores, Node ${machine.node}`);
  const index = spreads.map((spread) => indexRow(spread, drivers));
  for (const row of index) console.log(indexLine(row));
  const server: ServerRow[] = [];
  const load = { server: values.server, drivers, rate, questions, seconds, cpuProf: values['cpu-prof'] };
  for (const spread of values['no-server'] ? [] : spreads) {
    const row = await serverRow(spread, load, cores, scratch);
    server.push(row);
    console.log(serverLine(row, drivers));
    if (row.profile !== '') console.log(row.profile);
  }
  mkdirSync(values.out, { recursive: true });
  const file = resolve(values.out, `row5-${started.toISOString().replaceAll(':', '').slice(0, 17)}.json`);
  writeFileSync(file, `${JSON.stringify({ started, machine, load, index, server }, null, 1)}\n`);
  console.log(`saved: ${file}`);
}

function known(spread: string): Spread {
  if (spread !== 'clustered' && spread !== 'sparse') throw new Error(`--spread takes clustered and sparse, not "${spread}"`);
  return spread;
}

function indexLine({ spread, drivers, update, p50, p99, scan, wrong }: IndexRow): string {
  const times = `10 nearest p50 ${p50.toFixed(1)} us, p99 ${p99.toFixed(1)} us`;
  return `index, ${drivers} ${spread}: update ${update.toFixed(0)} ns; ${times}; looking at all ${scan.toFixed(0)} us (${(scan / p50).toFixed(0)}x)${wrong > 0 ? `; WRONG ${wrong} times` : ''}`;
}

function serverLine(row: ServerRow, drivers: number): string {
  const { spread, asked, failed, found, p50, p99, p999, max, updatesPerSecond, updatesFailed, firstError, serverCpu, rss, rssEmpty } = row;
  const mb = (bytes: number) => (bytes / 2 ** 20).toFixed(0);
  return [
    `server, ${drivers} ${spread}, ${updatesPerSecond.toFixed(0)} updates/s:`,
    `${asked} questions, p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms, p99.9 ${p999.toFixed(2)} ms, max ${max.toFixed(1)} ms;`,
    `${found.toFixed(1)} drivers an answer; ${failed} questions and ${updatesFailed} updates failed ${firstError};`,
    `server ${(serverCpu * 100).toFixed(0)} % of a core, RSS ${mb(rss)} MB (${mb(rssEmpty)} with nobody known)`,
  ].join(' ');
}
