import { mkdtempSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type Child, start } from '../children.ts';
import { CLI } from '../cli.ts';
import { type Cores, chooseCores, moveTo } from '../cores.ts';
import { diskFolder, machineFacts } from '../machine.ts';
import { quantile } from '../nearby/quantile.ts';
import { waycast } from '../peers/waycast-peer.ts';
import { sample } from '../proc.ts';
import { profileReport } from '../profile.ts';
import { freePort } from '../session.ts';
import { Crew, newTally, type Tally } from './crew.ts';

const WARM_SECONDS = 5;

const HELP = `npm run bench -- fleet [options]      the fleet contract: Socket.IO drivers and riders

  --sockets N        Socket.IO clients, a tenth of them drivers (1000)
  --updates N        positions/s of all drivers together (100)
  --statuses N       status changes/s over REST (50)
  --seconds N        length of the measured window (30)
  --transport T      websocket, polling or upgrade (websocket)
  --cpu-prof         profile the server, and print where its time goes
  --server FILE      Waycast's cli, of another checkout perhaps, built there (packages/server/dist/cli.js)
  --scratch DIR      where data folders go (the system's temporary folder, unless it is in memory)
`;

export interface FleetLoad {
  readonly sockets: number;
  readonly updates: number;
  readonly statuses: number;
  readonly seconds: number;
  readonly transports: string[];
}

/** The load of the fleet contract's "must hold", and whether it held. */
export async function fleet(argv: string[]): Promise<void> {
  const { values } = parseArgs({
    args: argv,
    options: {
      sockets: { type: 'string', default: '1000' },
      updates: { type: 'string', default: '100' },
      statuses: { type: 'string', default: '50' },
      seconds: { type: 'string', default: '30' },
      transport: { type: 'string', default: 'websocket' },
      'cpu-prof': { type: 'boolean', default: false },
      server: { type: 'string', default: CLI },
      scratch: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return console.log(HELP);
  const [sockets, updates, statuses, seconds] = [values.sockets, values.updates, values.statuses, values.seconds].map(Number) as [
    ...[number, number, number, number],
  ];
  if (![sockets, updates, seconds].every((value) => value > 0) || !(statuses >= 0)) throw new Error('numbers above 0, please; see --help');
  const transports = values.transport === 'upgrade' ? ['polling', 'websocket'] : [values.transport];
  const cores = chooseCores();
  if (cores.pinned) moveTo(cores.generator);
  const folder = mkdtempSync(join(resolve(values.scratch ?? diskFolder()), 'waycast-bench-'));
  process.on('exit', () => rmSync(folder, { recursive: true, force: true }));
  const machine = machineFacts(cores, folder);
  console.log(`${machine.cpu}, ${machine.cores} cores, Node ${machine.node}; ${values.transport}`);
  const peer = waycast(values.server, values['cpu-prof'] ? ['--cpu-prof', `--cpu-prof-dir=${folder}`, '--cpu-prof-interval=500'] : []);
  const port = await freePort();
  const server = start(peer.launch(port, folder), cores.pinned ? cores.server : undefined, false);
  try {
    await peer.ready(port);
    console.log(await run(server, `http://127.0.0.1:${port}`, { sockets, updates, statuses, seconds, transports }, cores));
    await server.stop(30);
    if (values['cpu-prof']) console.log(profileReport(folder));
  } finally {
    await server.stop(30);
  }
}

async function run(server: Child, url: string, load: FleetLoad, cores: Cores): Promise<string> {
  let tally = newTally();
  const drivers = Math.ceil(load.sockets / 10);
  const crews = Array.from({ length: drivers }, (_, index) => new Crew(url, index, () => tally));
  for (let i = 0; i < drivers; i += 10) {
    await Promise.all(crews.slice(i, i + 10).map((crew, k) => crew.open(ridersOf(i + k, drivers, load.sockets), load.transports)));
  }
  await drive(crews, load, WARM_SECONDS);
  await pause(1_000);
  tally = newTally();
  const look = () => sample(server.pid, process.pid, [cores.server, cores.generator]);
  const before = look();
  await drive(crews, load, load.seconds);
  const after = look();
  // What is still on its way has a second to come, and is late by so much.
  await pause(1_000);
  for (const crew of crews) crew.close();
  const seconds = (after.at - before.at) / 1_000;
  const share = (from: number, to: number) => `${(((to - from) / seconds) * 100).toFixed(0)} %`;
  return [
    `${load.sockets} sockets (${drivers} drivers), ${load.updates} positions/s and ${load.statuses} status changes/s over ${seconds.toFixed(0)} s:`,
    line('position to rider', tally.positions, tally.expectedPositions),
    line('status to rider  ', tally.statuses, tally.expectedStatuses),
    line('stored to driver ', tally.stored, tally.stored.length),
    `refused ${tally.refused} ${tally.firstError}`,
    `server ${share(before.server, after.server)} of a core, RSS ${(after.serverRss / 2 ** 20).toFixed(0)} MB; clients ${share(before.generator, after.generator)} of a core`,
  ].join('\n');
}

export function ridersOf(index: number, drivers: number, sockets: number): number {
  const riders = sockets - drivers;
  return Math.floor(((index + 1) * riders) / drivers) - Math.floor((index * riders) / drivers);
}

/** Open: each is due at its time, whatever the server does. */
export async function drive(crews: readonly Crew[], { updates, statuses }: FleetLoad, seconds: number): Promise<void> {
  const start = performance.now();
  let [sent, moved] = [0, 0];
  const moving = new Set<Promise<void>>();
  for (let elapsed = 0; elapsed < seconds; elapsed = (performance.now() - start) / 1_000) {
    for (; sent < elapsed * updates; sent++) crews[sent % crews.length]?.report();
    for (; moved < elapsed * statuses; moved++) {
      const crew = Array.from(crews, (_, k) => crews[(moved + k) % crews.length]).find((one) => one?.isFree);
      if (crew === undefined) break;
      const move = crew.move().finally(() => moving.delete(move));
      moving.add(move);
    }
    await pause(2);
  }
  await Promise.all(moving);
}

export function line(what: string, times: Tally['positions'], expected: number): string {
  const at = (q: number) => quantile(times, q).toFixed(1);
  return `${what}: ${times.length} of ${expected}, lost ${expected - times.length}; p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms`;
}
