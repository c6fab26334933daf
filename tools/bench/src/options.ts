import { parseArgs } from 'node:util';
import { CLI } from './cli.ts';

export interface Options {
  rounds: number;
  seconds: number;
  rates: number[];
  peers: string[];
  drivers: number;
  resolution: number;
  search: boolean;
  ceiling: boolean;
  generator: 'c' | 'node';
  cpuProf: boolean;
  profRate: number;
  maxMinutes: number;
  server: string;
  out: string;
  scratch: string | undefined;
}

export const HELP = `npm run bench -- [options]      row 2: full ingest 1:1 against a bare ws relay and a Socket.IO room
npm run bench -- nearby [options]   row 5: the nearest drivers; see nearby --help
npm run bench -- persistence [options]   row 7: rows/s into PostgreSQL; see persistence --help
npm run bench -- cluster [options]  row 8: two processes over Redis; see cluster --help
npm run bench -- fleet|delivery [options]   the loads of these contracts

  --rounds N         interleaved rounds, A/B/C each (5)
  --seconds N        length of one measured window (5)
  --rates A,B,C      offered fixes/s of the fixed table (10000,20000,30000,40000,50000)
  --peers A,B,C      of ws, socketio, waycast (all)
  --drivers N        drivers, each with one watcher (1000)
  --resolution N     step of the search for the highest rate, fixes/s (2000)
  --no-search        leave that search out
  --no-ceiling       leave out the C relay that shows what the generator can do
  --generator c|node the C generator (built by gcc) or the slower one in Node (c when gcc is there)
  --max-minutes N    start no further round, repetition or search step after that (60)
  --cpu-prof         only profile Waycast for one window and print where its time goes
  --prof-rate N      offered fixes/s of that window (30000)
  --server FILE      Waycast's cli, of another checkout perhaps, built there (packages/server/dist/cli.js)
  --quick            1 round, 2 s windows
  --out DIR          where the JSON goes (bench-results)
  --scratch DIR      where data folders go (the system's temporary folder, unless it is in memory)
`;

/** Undefined: help was asked for. */
export function readOptions(argv: string[]): Options | undefined {
  const { values } = parseArgs({
    args: argv,
    options: {
      rounds: { type: 'string' },
      seconds: { type: 'string' },
      rates: { type: 'string', default: '10000,20000,30000,40000,50000' },
      peers: { type: 'string', default: 'ws,socketio,waycast' },
      drivers: { type: 'string', default: '1000' },
      resolution: { type: 'string', default: '2000' },
      'no-search': { type: 'boolean', default: false },
      'no-ceiling': { type: 'boolean', default: false },
      generator: { type: 'string', default: 'c' },
      'max-minutes': { type: 'string', default: '60' },
      'cpu-prof': { type: 'boolean', default: false },
      'prof-rate': { type: 'string', default: '30000' },
      quick: { type: 'boolean', default: false },
      server: { type: 'string', default: CLI },
      out: { type: 'string', default: 'bench-results' },
      scratch: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return undefined;
  if (values.generator !== 'c' && values.generator !== 'node') throw new Error('--generator is c or node');
  return {
    rounds: positive('--rounds', values.rounds ?? (values.quick ? '1' : '5')),
    seconds: positive('--seconds', values.seconds ?? (values.quick ? '2' : '5')),
    rates: list(values.rates)
      .map((rate) => positive('--rates', rate))
      .sort((a, b) => a - b),
    peers: list(values.peers),
    drivers: positive('--drivers', values.drivers),
    resolution: positive('--resolution', values.resolution),
    search: !values['no-search'],
    ceiling: !values['no-ceiling'],
    generator: values.generator,
    cpuProf: values['cpu-prof'],
    profRate: positive('--prof-rate', values['prof-rate']),
    maxMinutes: positive('--max-minutes', values['max-minutes']),
    server: values.server,
    out: values.out,
    scratch: values.scratch,
  };
}

function list(text: string): string[] {
  return text.split(',').map((part) => part.trim());
}

function positive(name: string, text: string): number {
  const value = Number(text);
  if (!(value > 0)) throw new Error(`${name} takes a number above 0, not "${text}"`);
  return value;
}
