import cluster from 'node:cluster';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** What a worker tells its primary once it serves. */
export const SERVING = 'serving';

/** Where a worker of this machine is found by the others: a socket of its own beside the port they share. */
export interface Place {
  /** Part of the ids of its Socket.IO sessions: of letters and digits. */
  readonly name: string;
  /** Of the socket of any worker, by its name. */
  readonly pathOf: (name: string) => string;
}

/** The place of this process; undefined when it is no worker. */
export function ownPlace(): Place | undefined {
  const { worker } = cluster;
  if (worker === undefined) return undefined;
  const folder = placesOf(process.ppid);
  return { name: `w${worker.id}`, pathOf: (name) => join(folder, `${name}.sock`) };
}

/** The folder of the sockets of a primary's workers. */
export function placesOf(primary: number): string {
  return join(tmpdir(), `waycast-${primary}`);
}
