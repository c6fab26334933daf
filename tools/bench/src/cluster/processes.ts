import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Child, start } from '../children.ts';
import { freePort } from '../session.ts';
import type { ClusterRig } from './rig.ts';
import type { Ground, Road } from './roads.ts';

/** Servers of one road, and what they stand on. */
export interface Processes {
  readonly ports: readonly number[];
  readonly servers: readonly Child[];
  readonly ground: Ground;
  readonly folder: string;
  stop(): Promise<void>;
}

/** Starts so many processes, on an empty ground, and waits until they serve and share the work. */
export async function startProcesses(road: Road, count: number, rig: ClusterRig): Promise<Processes> {
  const ground = await rig.fresh();
  const folder = mkdtempSync(join(rig.scratch, `${road.peer.name}-`));
  const ports: number[] = [];
  const servers: Child[] = [];
  const stop = async () => {
    await Promise.all(servers.map((server) => server.stop(20)));
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    for (let i = 0; i < count; i++) {
      const port = await freePort();
      const own = join(folder, String(i));
      mkdirSync(own);
      ports.push(port);
      servers.push(start(road.launch(port, own, ground), undefined, false));
    }
    await Promise.all(servers.map((server, i) => Promise.race([road.peer.ready(ports[i] as number), ended(server)])));
    await road.settled(ground, count);
    return { ports, servers, ground, folder, stop };
  } catch (error) {
    await stop();
    throw new Error(`${road.peer.label}: ${told(error)}\n${servers.map((server) => server.tail()).join('\n')}`);
  }
}

function ended(child: Child): Promise<never> {
  return new Promise((_, reject) => {
    child.process.once('exit', (code, signal) => reject(new Error(`a server ended before it was ready (${signal ?? code})`)));
  });
}

export function told(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
