import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { type Child, start } from '../children.ts';
import { CLI } from '../cli.ts';
import { type Cores, chooseCores, moveTo } from '../cores.ts';
import { diskFolder, machineFacts } from '../machine.ts';
import { sign, waycast } from '../peers/waycast-peer.ts';
import { freePort } from '../session.ts';
import { Calls, connect, some, type Watcher } from './clients.ts';
import { Heap, type Held } from './heap.ts';
import { fanOut, type Latency, latencies, latencyOf } from './latencies.ts';

const BARE = fileURLToPath(new URL('../relays/bare-sockets.ts', import.meta.url));

const HELP = `npm run bench -- delivery [options]      what the delivery contract must hold

  --sessions N       sessions, each of a rider of its own (10000)
  --sockets N        sockets, one each at the first sessions (1000)
  --crowd N          sockets at one session (100)
  --rounds N         of every call, one after the other (500)
  --out DIR          where the JSON goes (bench-results)
  --scratch DIR      where the data folder goes (the system's temporary folder, unless it is in memory)
`;

interface Started {
  id: string;
  rider: string;
  token: string;
}

/** Sessions and sockets: what each takes, beyond a bare socket; and how long calls take while all of them are there. */
export async function delivery(argv: string[]): Promise<void> {
  const { values } = parseArgs({
    args: argv,
    options: {
      sessions: { type: 'string', default: '10000' },
      sockets: { type: 'string', default: '1000' },
      crowd: { type: 'string', default: '100' },
      rounds: { type: 'string', default: '500' },
      out: { type: 'string', default: 'bench-results' },
      scratch: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return console.log(HELP);
  const plan = {
    sessions: Number(values.sessions),
    sockets: Number(values.sockets),
    crowd: Number(values.crowd),
    rounds: Number(values.rounds),
  };
  const cores = chooseCores();
  if (cores.pinned) moveTo(cores.generator);
  const scratch = mkdtempSync(join(resolve(values.scratch ?? diskFolder()), 'waycast-bench-'));
  process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
  const machine = machineFacts(cores, scratch);
  console.log(`${machine.cpu}, ${machine.cores} cores, Node ${machine.node}`);
  const began = new Date();
  const bare = await bareSocket(plan.sockets, cores);
  console.log(`bare socket: ${bytes(bare)}`);
  const row = await served(plan, cores, scratch);
  for (const line of linesOf(row, bare)) console.log(line);
  mkdirSync(values.out, { recursive: true });
  const file = resolve(values.out, `delivery-${began.toISOString().replaceAll(':', '').slice(0, 17)}.json`);
  writeFileSync(file, `${JSON.stringify({ began, machine, plan, bare, row }, null, 1)}\n`);
  console.log(`saved: ${file}`);
}

type Plan = Record<'sessions' | 'sockets' | 'crowd' | 'rounds', number>;

interface Row {
  starting: Latency;
  perSession: Held;
  perTrackedSession: Held;
  /** one at a session, and where ten sessions have all of them */
  perSocket: Held;
  perSharingSocket: Held;
  calls: Record<'start' | 'update' | 'read' | 'message', Latency>;
  /** one update until the last of the crowd has it */
  crowd: Latency;
}

async function served(plan: Plan, cores: Cores, scratch: string): Promise<Row> {
  const [port, inspect] = [await freePort(), await freePort()];
  const peer = waycast(CLI, [`--inspect=127.0.0.1:${inspect}`]);
  const server = start(peer.launch(port, scratch), cores.pinned ? cores.server : undefined, false);
  const calls = new Calls(port);
  try {
    await peer.ready(port);
    const heap = await Heap.of(inspect, server.pid);
    // The first of everything compiles code and grows pools; that is nobody's session.
    await warm(calls, port);
    const empty = await heap.held();
    const { all, starting } = await startAll(calls, plan.sessions);
    const started = await heap.held();
    await some(all, ({ id, token }, i) => calls.call('POST', `/tracking/update/${id}`, token, placeOf(i)));
    const tracked = await heap.held();
    const sockets = await some(all.slice(0, plan.sockets), ({ id }) => connect(port, `/ws/tracking/${id}`));
    const watched = await heap.held();
    await closeAll(sockets);
    const apart = await heap.held();
    const together = await some(many(plan.sockets), (i) => connect(port, `/ws/tracking/${all[i % 10]?.id}`));
    const shared = await heap.held();
    await closeAll(together);
    const [first] = all as [Started];
    const row: Row = {
      starting,
      perSession: share(started, empty, plan.sessions),
      perTrackedSession: share(tracked, empty, plan.sessions),
      perSocket: share(watched, tracked, plan.sockets),
      perSharingSocket: share(shared, apart, plan.sockets),
      calls: await latencies(calls, port, all, plan.rounds),
      crowd: await fanOut(port, first, plan.crowd, 100),
    };
    heap.close();
    return row;
  } finally {
    calls.close();
    await server.stop();
  }
}

async function startAll(calls: Calls, count: number, prefix = 'r'): Promise<{ all: Started[]; starting: Latency }> {
  const riders = Array.from({ length: count }, (_, i) => `${prefix}-${i}`);
  const times: number[] = [];
  const all = await some(riders, async (rider, i) => {
    const token = await sign(rider, 'rider');
    const body = { order_id: `order-${rider}`, rider_id: rider, dropoff_lat: placeOf(i).lat + 0.02, dropoff_lng: 13.4 };
    const { body: answer, ms } = await calls.call('POST', '/tracking/start', token, body);
    times.push(ms);
    return { id: (JSON.parse(answer) as { tracking_id: string }).tracking_id, rider, token };
  });
  return { all, starting: latencyOf(times) };
}

async function warm(calls: Calls, port: number): Promise<void> {
  const { all } = await startAll(calls, 300, 'warm');
  await some(all, ({ id, token }, i) => calls.call('POST', `/tracking/update/${id}`, token, placeOf(i)));
  await closeAll(await some(all, ({ id }) => connect(port, `/ws/tracking/${id}`)));
}

async function bareSocket(count: number, cores: Cores): Promise<Held> {
  const [port, inspect] = [await freePort(), await freePort()];
  const args = [`--inspect=127.0.0.1:${inspect}`, BARE, String(port)];
  const server: Child = start({ command: process.execPath, args, env: {} }, cores.pinned ? cores.server : undefined, false);
  try {
    for (const end = Date.now() + 10_000; !server.tail().includes('listening\n') && Date.now() < end; ) await new Promise(setImmediate);
    const heap = await Heap.of(inspect, server.pid);
    const all = many(count);
    await closeAll(await some(all.slice(0, 300), () => connect(port, '/')));
    const empty = await heap.held();
    const sockets = await some(all, () => connect(port, '/'));
    const full = await heap.held();
    await closeAll(sockets);
    heap.close();
    return share(full, empty, count);
  } finally {
    await server.stop();
  }
}

async function closeAll(watchers: readonly Watcher[]): Promise<void> {
  await Promise.all(
    watchers.map(
      ({ socket }) =>
        new Promise((resolve) => {
          socket.once('close', resolve);
          socket.close();
        }),
    ),
  );
}

function many(count: number): number[] {
  return Array.from({ length: count }, (_, i) => i);
}

function placeOf(i: number): { lat: number; lng: number } {
  return { lat: 52 + (i % 1000) / 1000, lng: 13.4 };
}

function share(after: Held, before: Held, count: number): Held {
  return { live: (after.live - before.live) / count, rss: (after.rss - before.rss) / count };
}

function bytes({ live, rss }: Held): string {
  return `${(live / 1024).toFixed(2)} KB live, ${(rss / 1024).toFixed(1)} KB of RSS`;
}

function linesOf({ starting, perSession, perTrackedSession, perSocket, perSharingSocket, calls, crowd }: Row, bare: Held): string[] {
  const beyond = ({ live, rss }: Held) => bytes({ live: live - bare.live, rss: rss - bare.rss });
  const line = (name: string, { p50, p99, max }: Latency) =>
    `${name}: p50 ${p50.toFixed(2)} ms, p99 ${p99.toFixed(2)} ms, max ${max.toFixed(1)} ms`;
  return [
    `a session, just started: ${bytes(perSession)}; with a position: ${bytes(perTrackedSession)}`,
    `a connection beyond the bare socket: ${beyond(perSocket)}; where ten sessions have all of them: ${beyond(perSharingSocket)}`,
    line('start, 50 at once', starting),
    ...Object.entries(calls).map(([name, latency]) => line(name, latency)),
    line('one update to the whole crowd', crowd),
  ];
}
