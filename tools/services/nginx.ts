import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The one that is deployed: what is tested and measured is what runs. */
const TEMPLATE = fileURLToPath(new URL('../../deploy/nginx/waycast.conf.template', import.meta.url));

export interface NginxSettings {
  /** Where it keeps what it must keep; its workers have to find their way in. */
  readonly folder: string;
  /** The port it listens at, on this machine alone. */
  readonly listen: number;
  /** The servers behind it, ports of this machine. */
  readonly ports: readonly number[];
  /** What it tells on stderr, from this level on. */
  readonly level: 'notice' | 'warn';
}

/** A whole configuration for an nginx of somebody's own, around the site of the template. */
export function nginxConfiguration({ folder, listen, ports, level }: NginxSettings): string {
  const servers = ports.map((port) => `server 127.0.0.1:${port} max_fails=0;`).join(' ');
  const filledIn: Readonly<Record<string, string>> = { WAYCAST_LISTEN: `127.0.0.1:${listen}`, WAYCAST_SERVERS: servers };
  const site = readFileSync(TEMPLATE, 'utf8').replaceAll(/\$\{(WAYCAST_\w+)\}/g, (_, name: string) => filledIn[name] ?? '');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`);
  return `pid ${folder}/nginx.pid;
error_log stderr ${level};
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

/** How it is started with the configuration in this file, in the foreground. */
export function nginxCommand(folder: string, file: string): { command: string; args: string[] } {
  return { command: program(), args: ['-p', folder, '-c', file, '-e', 'stderr', '-g', 'daemon off;'] };
}

/** Where Debian keeps daemons is on no user's path. */
function program(): string {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin'];
  const found = folders.map((folder) => join(folder, 'nginx')).find((path) => existsSync(path));
  if (found === undefined) throw new Error('nginx is not installed');
  return found;
}
