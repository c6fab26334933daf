import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { start } from '../children.ts';
import { Generator, type Window } from '../generator.ts';
import type { PlannedConnection } from '../peers/peer.ts';
import { readCores } from '../proc.ts';
import { familyCpu } from '../services/family-cpu.ts';
import { type ClusterRow, clusterRow, type Spent } from './cluster-row.ts';
import { type Processes, startProcesses, told } from './processes.ts';
import type { ClusterRig } from './rig.ts';
import type { Road } from './roads.ts';

/** Who connects where; numbers of processes. */
export interface Shape {
  readonly processes: number;
  readonly topics: number;
  /** watchers of each topic */
  readonly watchers: number;
  readonly driverOn: (topic: number) => number;
  readonly watcherOn: (topic: number, watcher: number) => number;
}

/** Drivers and watchers connected to several processes of one road, warmed up. */
export class ClusterSession {
  readonly #road: Road;
  readonly #shape: Shape;
  readonly #rig: ClusterRig;
  readonly #processes: Processes;
  readonly #generator: Generator;

  private constructor(road: Road, shape: Shape, rig: ClusterRig, processes: Processes, generator: Generator) {
    this.#road = road;
    this.#shape = shape;
    this.#rig = rig;
    this.#processes = processes;
    this.#generator = generator;
  }

  /** `warmUp`: fixes/s for 3 s. */
  static async open(road: Road, shape: Shape, rig: ClusterRig, warmUp: number): Promise<ClusterSession> {
    const processes = await startProcesses(road, shape.processes, rig);
    try {
      const { peer } = road;
      const [port = 0] = processes.ports;
      const pairs = await peer.plan(port, shape.topics);
      const plan = join(processes.folder, 'plan');
      writeFileSync(plan, planned(pairs, shape, processes.ports).join(''), { mode: 0o600 });
      const args = [String(port), plan, peer.mark, peer.prefix, peer.suffix, peer.acknowledges ? '1' : '0', String(shape.watchers)];
      const generator = new Generator(start({ command: rig.generator, args, env: {} }, undefined, true));
      const session = new ClusterSession(road, shape, rig, processes, generator);
      await generator.connected();
      await session.run(warmUp, { seconds: 3, lead: 0, drain: 20 });
      return session;
    } catch (error) {
      await processes.stop();
      throw new Error(`${road.peer.label}: ${told(error)}\n${processes.servers.map((server) => server.tail()).join('\n')}`);
    }
  }

  /** `rate`: fixes/s. */
  async run(rate: number, window: Window): Promise<ClusterRow> {
    const spent: Spent[] = [];
    const result = await this.#generator.run(rate, window, () => spent.push(this.#spent()));
    const [begin, end] = spent as [Spent, Spent];
    return clusterRow(this.#road.peer.name, this.#shape, result, begin, end);
  }

  async close(): Promise<void> {
    await this.#generator.child.stop(2);
    await this.#processes.stop();
  }

  #spent(): Spent {
    const { cores, redis, postgres } = this.#rig;
    const own = process.cpuUsage();
    return {
      at: performance.now(),
      servers: this.#processes.servers.map(({ pid }) => familyCpu(pid)),
      redis: familyCpu(redis.pid),
      postgres: familyCpu(postgres.pid),
      generator: familyCpu(this.#generator.child.pid),
      bench: (own.user + own.system) / 1e6,
      ...readCores([cores.server, cores.generator]),
    };
  }
}

/** Of pairs of a driver and a watcher: each driver, then as many watchers as wanted, each at its own process. */
function planned(pairs: readonly PlannedConnection[], shape: Shape, ports: readonly number[]): string[] {
  const line = ({ path, header = '-', first = '-', marker = '-' }: PlannedConnection, process: number) =>
    `:${ports[process]}${[path, header, first, marker].join('\t')}\n`;
  return Array.from({ length: shape.topics }, (_, topic) => {
    const [driver, watcher] = [pairs[topic * 2], pairs[topic * 2 + 1]] as [PlannedConnection, PlannedConnection];
    const watchers = Array.from({ length: shape.watchers }, (_w, k) => line(watcher, shape.watcherOn(topic, k)));
    return line(driver, shape.driverOn(topic)) + watchers.join('');
  });
}
