import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { start } from '../children.ts';
import { reachable } from '../peers/reachable.ts';
import { freePort } from '../session.ts';

/** The one that is deployed. */
const TEMPLATE = fileURLToPath(new URL('../../../../deploy/nginx/waycast.conf.template', import.meta.url));

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
  writeFileSync(file, configuration(folder, port, ports));
  const args = ['-p', folder, '-c', file, '-e', 'stderr', '-g', 'daemon off;'];
  const child = start({ command: program(), args, env: {} }, undefined, false);
  await reachable(port);
  return { pid: child.pid, port, stop: () => child.stop() };
}

function configuration(folder: string, port: number, ports: readonly number[]): string {
  const servers = ports.map((one) => `server 127.0.0.1:${one} max_fails=0;`).join(' ');
  const site = readFileSync(TEMPLATE, 'utf8')
    .replaceAll(`\${WAYCAST_LISTEN}`, `127.0.0.1:${port}`)
    .replaceAll(`\${WAYCAST_SERVERS}`, servers);
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`);
  return `pid ${folder}/nginx.pid;
error_log stderr warn;
worker_processes 1;
worker_rlimit_nofile 16384;
events { worker_connections 8192; }
http {
  access_log off;
  default_type application/octet-stream;
  ${temporary.join('\n  ')}
  ${site}
}
`;
}

/** Where Debian keeps daemons is on no user's path. */
function program(): string {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin'];
  const found = folders.map((folder) => join(folder, 'nginx')).find((path) => existsSync(path));
  if (found === undefined) throw new Error('nginx is not installed');
  return found;
}
