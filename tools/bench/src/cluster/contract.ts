import { setTimeout as pause } from 'node:timers/promises';
import { Crew, newTally } from '../fleet/crew.ts';
import { drive, type FleetLoad, line, ridersOf } from '../fleet/fleet.ts';
import { familyCpu, ownCpu } from '../services/family-cpu.ts';
import { startNginx } from '../services/nginx.ts';
import { startProcesses } from './processes.ts';
import type { ClusterRig } from './rig.ts';
import type { Road } from './roads.ts';

const WARM_SECONDS = 5;
const AT_ONCE = 10;

/** The load of the fleet contract, through nginx at two processes. */
export async function contract(road: Road, load: FleetLoad, rig: ClusterRig): Promise<string> {
  const processes = await startProcesses(road, 2, rig);
  try {
    const nginx = await startNginx(rig.scratch, processes.ports);
    try {
      const spent = () => [
        ...[...processes.servers.map(({ pid }) => pid), rig.redis.pid, rig.postgres.pid, nginx.pid].map(familyCpu),
        ownCpu(),
      ];
      const lines = await run(`http://127.0.0.1:${nginx.port}`, load, spent, () => connections(processes.ports));
      return lines.join('\n');
    } finally {
      await nginx.stop();
    }
  } finally {
    await processes.stop();
  }
}

async function run(url: string, load: FleetLoad, spent: () => number[], counted: () => Promise<number[]>): Promise<string[]> {
  let tally = newTally();
  const drivers = Math.ceil(load.sockets / 10);
  const crews = Array.from({ length: drivers }, (_, index) => new Crew(url, index, () => tally));
  for (let i = 0; i < drivers; i += AT_ONCE) {
    // nginx keeps an address at one process: each crew's driver has one, its riders another.
    const open = (crew: Crew, k: number) =>
      crew.open(ridersOf(k, drivers, load.sockets), load.transports, { driver: `127.1.${k % 250}.1`, riders: `127.2.${k % 250}.1` });
    await Promise.all(crews.slice(i, i + AT_ONCE).map((crew, k) => open(crew, i + k)));
  }
  await drive(crews, load, WARM_SECONDS);
  await pause(1_000);
  tally = newTally();
  const [since, before] = [performance.now(), spent()];
  await drive(crews, load, load.seconds);
  const [seconds, after] = [(performance.now() - since) / 1_000, spent()];
  const sockets = await counted();
  // What is still on its way has a second to come, and is late by so much.
  await pause(1_000);
  for (const crew of crews) crew.close();
  const percent = after.map((value, i) => `${(((value - (before[i] ?? 0)) / seconds) * 100).toFixed(0)} %`);
  return [
    `${load.sockets} sockets (${drivers} drivers) through nginx, ${load.updates} positions/s and ${load.statuses} status changes/s over ${seconds.toFixed(0)} s:`,
    line('position to rider', tally.positions, tally.expectedPositions),
    line('status to rider  ', tally.statuses, tally.expectedStatuses),
    line('stored to driver ', tally.stored, tally.stored.length),
    `refused ${tally.refused} ${tally.firstError}; sockets at each process ${sockets.join(' + ')}`,
    `of a core: servers ${percent.slice(0, 2).join(' + ')}, redis ${percent[2]}, postgres ${percent[3]}, nginx ${percent[4]}, clients ${percent[5]}`,
  ];
}

async function connections(ports: readonly number[]): Promise<number[]> {
  const answers = ports.map(async (port) => {
    const answer = await fetch(`http://127.0.0.1:${port}/health`);
    return ((await answer.json()) as { connections: number }).connections;
  });
  return await Promise.all(answers);
}
