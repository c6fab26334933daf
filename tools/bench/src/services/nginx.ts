import { mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { nginxCommand, nginxConfiguration } from '../../../services/nginx.ts';
import { start } from '../children.ts';
import { reachable } from '../peers/reachable.ts';
import { freePort } from '../session.ts';

/** An nginx of the bench's own, in front of several servers. */
export interface Nginx {
  readonly pid: number;
  readonly port: number;
  stop(): Promise<void>;
}

export async function startNginx(scratch: string, ports: readonly number[]): Promise<Nginx> {
  const folder = mkdtempSync(join(scratch, 'nginx-'));
  const port = await freePort();
  const file = join(folder, 'nginx.conf');
  writeFileSync(file, nginxConfiguration({ folder, listen: port, ports, level: 'warn' }));
  const child = start({ ...nginxCommand(folder, file), env: {} }, undefined, false);
  await reachable(port);
  return { pid: child.pid, port, stop: () => child.stop() };
}
