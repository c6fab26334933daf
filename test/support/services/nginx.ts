import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { nginxCommand, nginxConfiguration } from '../../../tools/services/nginx.ts';
import { stablePort } from '../port.ts';
import { until } from '../until.ts';

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
  const configure = (behind: readonly number[]): void =>
    writeFileSync(file, nginxConfiguration({ folder, listen, ports: behind, level: 'notice' }));
  configure(ports);
  const { command, args } = nginxCommand(folder, file);
  const child = spawn(command, args, { stdio: ['ignore', 'ignore', 'pipe'] });
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
      configure(next);
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

function takes(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const probe = connect(port, '127.0.0.1');
    probe.once('connect', () => resolve(true));
    probe.once('error', () => resolve(false));
    probe.once('close', () => probe.destroy());
    probe.once('connect', () => probe.end());
  });
}
