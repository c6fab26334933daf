import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { stablePort } from '../port.ts';
import { until } from '../until.ts';

/** The one configuration there is: what is tested is what is deployed. */
const TEMPLATE = fileURLToPath(new URL('../../../deploy/nginx/waycast.conf.template', import.meta.url));

/** A private nginx in front of several servers. */
export interface TestNginx {
  readonly url: string;
  readonly port: number;
  /** In front of these from now on, ports of this machine; connections through it that are open stay. */
  serve(ports: readonly number[]): Promise<void>;
  /** What it complained of so far. */
  output(): string;
  /** Twice is safe. */
  stop(): Promise<void>;
}

const running = new Set<ChildProcess>();
process.once('exit', () => {
  for (const child of running) child.kill('SIGTERM');
});

/** `port`: the same again; a free one by default. */
export async function startNginx(ports: readonly number[], port?: number): Promise<TestNginx> {
  const folder = mkdtempSync(join(tmpdir(), 'waycast-nginx-'));
  // Started by root, its workers are somebody else.
  chmodSync(folder, 0o755);
  const listen = port ?? (await stablePort());
  const file = join(folder, 'nginx.conf');
  writeFileSync(file, configuration(folder, listen, ports));
  const child = spawn(program(), ['-p', folder, '-c', file, '-e', 'stderr', '-g', 'daemon off;'], { stdio: ['ignore', 'ignore', 'pipe'] });
  running.add(child);
  let output = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  const exited = once(child, 'exit').then(() => running.delete(child));
  await until(
    async () => child.exitCode !== null || (await takes(listen)),
    (seen) => seen,
  );
  if (child.exitCode !== null) throw new Error(`nginx ended with ${child.exitCode}: ${output}`);
  return {
    url: `http://127.0.0.1:${listen}`,
    port: listen,
    output: () => output,
    serve: async (next) => {
      writeFileSync(file, configuration(folder, listen, next));
      const before = workers(output);
      child.kill('SIGHUP');
      await until(
        () => workers(output),
        (seen) => seen > before,
      );
    },
    stop: async () => {
      child.kill('SIGTERM');
      await exited;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** How often it has begun to serve a configuration. */
function workers(output: string): number {
  return output.split('start worker processes').length - 1;
}

function configuration(folder: string, listen: number, ports: readonly number[]): string {
  const servers = ports.map((port) => `server 127.0.0.1:${port} max_fails=0;`).join(' ');
  const filledIn: Readonly<Record<string, string>> = { WAYCAST_LISTEN: `127.0.0.1:${listen}`, WAYCAST_SERVERS: servers };
  const site = readFileSync(TEMPLATE, 'utf8').replaceAll(/\$\{(WAYCAST_\w+)\}/g, (_, name: string) => filledIn[name] ?? '');
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/${name};`);
  return `pid ${folder}/nginx.pid;
error_log stderr notice;
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

function program(): string {
  const folders = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin'];
  const found = folders.map((folder) => join(folder, 'nginx')).find((path) => existsSync(path));
  if (found === undefined) throw new Error('nginx is not installed');
  return found;
}

function takes(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(port, '127.0.0.1');
    probe.once('connect', () => resolve(true));
    probe.once('error', () => resolve(false));
    probe.once('close', () => probe.destroy());
    probe.once('connect', () => probe.end());
  });
}
