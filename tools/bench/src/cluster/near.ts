import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { chance, type Place, placer } from '../nearby/places.ts';
import { quantile } from '../nearby/quantile.ts';
import { ask } from '../nearby/questions.ts';
import { Updates } from '../nearby/updates.ts';
import { sign } from '../peers/waycast-peer.ts';
import { familyCpu, ownCpu } from '../services/family-cpu.ts';
import { withClient } from '../services/postgres.ts';
import { type Compared, compareWithPostgis } from './postgis.ts';
import { startProcesses } from './processes.ts';
import type { ClusterRig } from './rig.ts';
import type { Road } from './roads.ts';

const SOCKETS = 20;
const DRAIN_MS = 120_000;
/** As what is deployed where the database is on the same machine, as it is here. */
const NICE = Number(
  /^Nice=(-?\d+)$/m.exec(readFileSync(new URL('../../../../deploy/systemd/waycast.service', import.meta.url), 'utf8'))?.[1] ?? 0,
);
const LOOK_MS = 500;

export interface NearLoad {
  readonly processes: number;
  readonly drivers: number;
  /** updates a second, and questions a second, of all processes together */
  readonly rate: number;
  readonly questions: number;
  readonly seconds: number;
  /** answers compared with PostGIS afterwards */
  readonly compared: number;
}

/** The nearest of many drivers, asked of several processes while updates come in through all; then held against PostGIS. */
export async function near(road: Road, load: NearLoad, rig: ClusterRig): Promise<string> {
  const asDeployed: Road = { ...road, launch: (...where) => ({ ...road.launch(...where), nice: NICE }) };
  const processes = await startProcesses(asDeployed, load.processes, rig);
  try {
    const { ports, servers, ground } = processes;
    const place = placer('clustered', chance(5));
    const drivers = Array.from({ length: load.drivers }, place);
    const updates = await Updates.open(ports, await sign('bench', 'service'), drivers, SOCKETS);
    const token = await sign('bench', 'dispatcher');
    const askAll = (seconds: number) => Promise.all(ports.map((port) => ask(port, token, place, load.questions / ports.length, seconds)));
    // First everybody comes; what that costs, a hundred thousand times, is not what is asked here.
    await updates.run(load.rate, load.drivers);
    await drain(ground.databaseUrl, drivers);
    const running = updates.run(load.rate);
    // Once round, for code, heap and tables to settle.
    await askAll(Math.ceil((1.2 * load.drivers) / load.rate));
    const spent = () => [...[...servers.map(({ pid }) => pid), rig.redis.pid, rig.postgres.pid].map(familyCpu), ownCpu()];
    const [since, sentBefore, before] = [performance.now(), updates.sent, spent()];
    const answers = await askAll(load.seconds);
    const [seconds, sent, after] = [(performance.now() - since) / 1_000, updates.sent - sentBefore, spent()];
    updates.stop();
    await running;
    const drained = await drain(ground.databaseUrl, drivers);
    const compared = await compareWithPostgis(ground.databaseUrl, ports, token, place, load.compared);
    updates.close();
    const share = after.map((value, i) => `${(((value - (before[i] ?? 0)) / seconds) * 100).toFixed(0)} %`);
    const times = answers.flatMap((one) => one.times);
    const at = (q: number) => quantile(times, q).toFixed(2);
    const late = answers.flatMap((one) => one.late);
    return [
      `nearest 10 of ${load.drivers} within 5 km at ${load.processes} processes (nice ${NICE}), ${(sent / seconds).toFixed(0)} updates/s through all:`,
      `${times.length} questions, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, max ${at(1)} ms, asked ${quantile(late, 0.99).toFixed(2)} ms late at p99; ${answers.map(({ failed }) => failed).join(' + ')} questions and ${updates.failed} updates failed ${updates.firstError}`,
      `of a core: servers ${share.slice(0, -3).join(' + ')}, redis ${share.at(-3)}, postgres ${share.at(-2)}, generator ${share.at(-1)}`,
      drainLine(drained),
      comparedLine(compared),
    ].join('\n');
  } finally {
    await processes.stop();
  }
}

interface Drained {
  /** s until the table had every driver where it was sent last */
  readonly seconds: number;
  readonly behind: number;
}

/** Waits until driver_locations shows every driver where it last was. */
async function drain(url: string, drivers: readonly Place[]): Promise<Drained> {
  const since = performance.now();
  return await withClient(url, async (client) => {
    for (;;) {
      const { rows } = await client.query<{ id: string; lat: number; lng: number }>(
        'SELECT driver_id AS id, lat, lng FROM driver_locations',
      );
      const there = new Map(rows.map((row) => [row.id, row]));
      const behind = drivers.filter(({ lat, lng }, n) => {
        const seen = there.get(`d-${n}`);
        return seen === undefined || Math.abs(seen.lat - lat) > 1e-7 || Math.abs(seen.lng - lng) > 1e-7;
      }).length;
      const elapsed = performance.now() - since;
      if (behind === 0 || elapsed > DRAIN_MS) return { seconds: elapsed / 1_000, behind };
      await pause(LOOK_MS);
    }
  });
}

function drainLine({ seconds, behind }: Drained): string {
  if (behind === 0) return `driver_locations had everybody's last place ${seconds.toFixed(1)} s after the last update`;
  return `WRONG: ${behind} drivers were not at their last place in driver_locations ${seconds.toFixed(0)} s after the last update`;
}

function comparedLine({ asked, drivers, different, first }: Compared): string {
  const verdict = different === 0 ? 'all as PostGIS has them' : `WRONG: ${different} unlike PostGIS, first ${first}`;
  return `${asked} answers with ${drivers} drivers held against driver_locations: ${verdict}`;
}
