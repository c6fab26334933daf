import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { CLI } from '../cli.ts';
import { machineFacts } from '../machine.ts';
import { profileReport } from '../profile.ts';
import { clusterLine } from './cluster-row.ts';
import { ClusterSession } from './cluster-session.ts';
import { contract } from './contract.ts';
import { fanOut, fanOutRatios, fanOutTable } from './fan-out.ts';
import { near } from './near.ts';
import { type ClusterRig, openRig, scratchFolder } from './rig.ts';
import { type Road, socketIoRoad, waycastRoad, wsRoad } from './roads.ts';
import { scaling, scalingTable } from './scaling.ts';

const HELP = `npm run bench -- cluster [options]      row 8: two processes over Redis and PostgreSQL, against others over Redis

  --scaling          instead: one process against two
  --contract         instead: the fleet contract's load through nginx
  --nearby           instead: the nearest drivers, then held against PostGIS
  --cpu-prof         instead: profile two processes at --rate, or under --nearby, and print where their time goes

  --rounds N         in turns (5)
  --seconds N        length of a measured window (5)
  --roads A,B,C      of ws, socketio, waycast (all)
  --fan-out A,B      watchers of a driver (1,10)
  --deliveries N     offered deliveries/s of all watchers together (5000)
  --topics N         drivers (500); of other fan-outs so many that there are as many sockets
  --rate N           fixes/s of --scaling and --cpu-prof (5000), updates/s of --nearby (10000)
  --resolution N     of the search of --scaling for the highest rate, fixes/s; 0: no search (1000)
  --sockets N        of --contract (1000)
  --updates N        positions/s of --contract (100)
  --statuses N       status changes/s of --contract (50)
  --processes N      of --nearby (2)
  --drivers N        of --nearby (100000)
  --questions N      questions/s of --nearby (100)
  --compared N       answers of --nearby held against PostGIS (200)
  --server FILE      Waycast's cli, of another checkout perhaps, built there (packages/server/dist/cli.js)
  --out DIR          where the JSON goes (bench-results)
  --scratch DIR      where data folders go (the system's temporary folder, unless it is in memory)
`;

const text = (value: string) => ({ type: 'string', default: value }) as const;
const flag = { type: 'boolean', default: false } as const;

function read(args: string[]) {
  const { values } = parseArgs({
    args,
    options: {
      ...{ scaling: flag, contract: flag, nearby: flag, 'cpu-prof': flag, help: { ...flag, short: 'h' } },
      ...{ rounds: text('5'), seconds: text('5'), roads: text('ws,socketio,waycast'), 'fan-out': text('1,10') },
      ...{ deliveries: text('5000'), topics: text('500'), resolution: text('1000'), rate: { type: 'string' } },
      ...{ sockets: text('1000'), updates: text('100'), statuses: text('50') },
      ...{ processes: text('2'), drivers: text('100000'), questions: text('100'), compared: text('200') },
      ...{ server: text(CLI), out: text('bench-results'), scratch: { type: 'string' } },
    },
  });
  return values;
}

type Values = ReturnType<typeof read>;

/** Row 8 of the performance budget, and what else two processes are to hold. */
export async function cluster(argv: string[]): Promise<void> {
  const values = read(argv);
  if (values.help) return console.log(HELP);
  const scratch = scratchFolder(values.scratch);
  const started = new Date();
  const rig = await openRig(scratch);
  try {
    const machine = machineFacts(rig.cores, scratch);
    console.log(`${machine.cpu}, ${machine.cores} cores, Node ${machine.node}, load ${machine.load.join(' ')}; nothing is pinned`);
    const rows = await measure(values, rig);
    if (rows === undefined) return;
    mkdirSync(values.out, { recursive: true });
    const file = resolve(values.out, `row8-${started.toISOString().replaceAll(':', '').slice(0, 17)}.json`);
    writeFileSync(file, `${JSON.stringify({ started, machine, values, rows }, null, 1)}\n`);
    console.log(`saved: ${file}`);
  } finally {
    await rig.close();
  }
}

/** Undefined where everything was said in words. */
async function measure(values: Values, rig: ClusterRig): Promise<readonly object[] | undefined> {
  if (values['cpu-prof']) return void (await profiled(values, rig));
  const road = waycastRoad(values.server);
  if (values.nearby) return void console.log(await near(road, nearLoad(values), rig));
  if (values.contract) return void console.log(await contract(road, contractLoad(values), rig));
  const windows = { rounds: above0(values, 'rounds'), seconds: above0(values, 'seconds'), topics: above0(values, 'topics') };
  if (values.scaling) {
    const rows = await scaling(road, { ...windows, rate: rateOr(values, 5_000), resolution: Number(values.resolution) }, rig);
    console.log(`\nMedians of the rounds:\n${scalingTable(rows)}`);
    return rows;
  }
  const roads = values.roads.split(',').map((name) => known(name, [wsRoad, socketIoRoad, road]));
  const fanOuts = values['fan-out'].split(',').map(Number);
  const rows = await fanOut(roads, { ...windows, fanOuts, deliveries: above0(values, 'deliveries') }, rig);
  console.log(`\nMedians of the rounds:\n${fanOutTable(rows)}\n\n${fanOutRatios(rows)}\n\nWhat each leaves out`);
  for (const { peer, doesNot } of roads) console.log(`${peer.name}: ${doesNot}`);
  return rows;
}

async function profiled(values: Values, rig: ClusterRig): Promise<void> {
  const folder = mkdtempSync(join(rig.scratch, 'profile-'));
  const road = waycastRoad(values.server, ['--cpu-prof', `--cpu-prof-dir=${folder}`, '--cpu-prof-interval=500']);
  console.log('under the profiler, which costs time itself:');
  console.log(values.nearby ? await near(road, nearLoad(values), rig) : await oneToOne(road, values, rig));
  console.log('');
  console.log(profileReport(folder));
  rmSync(folder, { recursive: true });
}

async function oneToOne(road: Road, values: Values, rig: ClusterRig): Promise<string> {
  const rate = rateOr(values, 5_000);
  const shape = {
    ...{ processes: 2, topics: above0(values, 'topics'), watchers: 1 },
    driverOn: (topic: number) => topic % 2,
    watcherOn: (topic: number) => (topic >> 1) % 2,
  };
  const session = await ClusterSession.open(road, shape, rig, rate);
  try {
    const row = await session.run(rate, { seconds: above0(values, 'seconds'), lead: 0.5, drain: 30 });
    return clusterLine(row);
  } finally {
    await session.close();
  }
}

function nearLoad(values: Values) {
  const [drivers, questions, compared] = [above0(values, 'drivers'), above0(values, 'questions'), above0(values, 'compared')];
  const processes = above0(values, 'processes');
  return { processes, drivers, questions, compared, rate: rateOr(values, 10_000), seconds: above0(values, 'seconds') };
}

function contractLoad(values: Values) {
  const [sockets, updates, statuses] = [above0(values, 'sockets'), above0(values, 'updates'), above0(values, 'statuses')];
  return { sockets, updates, statuses, seconds: above0(values, 'seconds'), transports: ['websocket'] };
}

function known(name: string, roads: readonly Road[]): Road {
  const found = roads.find(({ peer }) => peer.name === name);
  if (found === undefined) throw new Error(`no road "${name}"; there are ${roads.map(({ peer }) => peer.name).join(', ')}`);
  return found;
}

function rateOr(values: Values, otherwise: number): number {
  return values.rate === undefined ? otherwise : above0(values, 'rate');
}

function above0(
  values: Values,
  name:
    | 'rounds'
    | 'seconds'
    | 'topics'
    | 'deliveries'
    | 'sockets'
    | 'updates'
    | 'statuses'
    | 'drivers'
    | 'questions'
    | 'compared'
    | 'processes'
    | 'rate',
): number {
  const value = Number(values[name]);
  if (!(value > 0)) throw new Error(`--${name} takes a number above 0, not "${values[name]}"`);
  return value;
}
