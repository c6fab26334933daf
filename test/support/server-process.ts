import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { CLI } from './cli.ts';
import { type SignToken, signedBy } from './token-keys.ts';

export const SECRET = 'a-secret-only-the-tests-sign-with';
const READY_WITHIN_MS = 30_000;

export interface ServerOptions {
  /** Kept between starts; a fresh one by default, removed by `stop`. */
  readonly dataDir?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
  /** The same port again, for a restart; a free one by default. */
  readonly port?: number;
  /** Who hands out tokens; by default they are signed with `SECRET`, as the server is told to take them. */
  readonly token?: SignToken;
}

/** A real server in a process of its own. */
export interface TestServer {
  readonly url: string;
  readonly port: number;
  readonly dataDir: string;
  readonly pid: number;
  /** What it wrote so far. */
  output(): string;
  readonly token: SignToken;
  /** As a person would: SIGTERM, and how it ended. */
  stop(): Promise<{ code: number | null }>;
  /** As a power cut would. */
  kill(): Promise<void>;
}

export function tempDir(): string {
  return mkdtempSync(join(tmpdir(), 'waycast-test-'));
}

/** Starts a process and waits until it says where it listens. Rejects with what it wrote when it ends instead. */
export async function startProcess(options: ServerOptions = {}): Promise<TestServer> {
  const dataDir = options.dataDir ?? tempDir();
  const child = spawn(
    process.execPath,
    [CLI, 'serve', '--port', String(options.port ?? 0), '--data-dir', dataDir, ...(options.args ?? [])],
    {
      env: { PATH: process.env.PATH, JWT_SECRET_KEY: SECRET, LOG_LEVEL: 'info', BASEMAP_STYLE_URL: '', ...options.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    },
  );
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  const url = await announced(child, () => output).catch((error: unknown) => {
    child.kill('SIGKILL');
    throw error;
  });
  const exited = once(child, 'exit') as Promise<[number | null]>;
  const cleanUp = () => {
    if (options.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true });
  };
  return {
    url,
    port: Number(new URL(url).port),
    dataDir,
    pid: child.pid as number,
    output: () => output,
    token: options.token ?? signedBy(() => SECRET),
    stop: async () => {
      child.kill('SIGTERM');
      const [code] = await exited;
      cleanUp();
      return { code };
    },
    kill: async () => {
      child.kill('SIGKILL');
      await exited;
    },
  };
}

function announced(child: ChildProcess, output: () => string): Promise<string> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`the server did not come up:\n${output()}`)), READY_WITHIN_MS);
    const look = () => {
      const url = /"urls":\["([^"]+)"/.exec(output())?.[1];
      if (url === undefined) return;
      clearTimeout(timer);
      resolve(url);
    };
    child.stdout?.on('data', look);
    child.once('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`the server ended with ${code}:\n${output()}`));
    });
  });
}
