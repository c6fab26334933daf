import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Redis } from 'ioredis';
import { stablePort } from '../port.ts';
import { until } from '../until.ts';

/** A private Redis: a process of its own, with data of its own. */
export interface TestRedis {
  readonly url: string;
  readonly port: number;
  readonly pid: number;
  /** A client of the test itself, one for all who ask. */
  client(): Redis;
  /** Comes back once the process is dead; of SIGSTOP and SIGCONT at once. */
  kill(signal: 'SIGKILL' | 'SIGTERM' | 'SIGSTOP' | 'SIGCONT'): Promise<void>;
  /** Again, with the same data at the same port. */
  start(): Promise<void>;
  /** Ends it and removes its data. Twice is safe. */
  stop(): Promise<void>;
}

export interface RedisSettings {
  /** A free one by default. */
  readonly port?: number;
  /** Whether what it was told survives a kill. */
  readonly aof?: boolean;
  /** More of its configuration, as its command line has it. */
  readonly args?: readonly string[];
}

/** Ends a Redis, and removes its data, once whoever started it is gone: a worker of a test run that is killed says no good-bye. */
function guard(pid: number, folder: string): void {
  const script =
    'while kill -0 "$0" 2>/dev/null && kill -0 "$1" 2>/dev/null; do sleep 2; done; kill -0 "$0" 2>/dev/null && exit; kill -9 "$1" 2>/dev/null; rm -rf "$2"';
  spawn('sh', ['-c', script, String(process.pid), String(pid), folder], { detached: true, stdio: 'ignore' }).unref();
}

export async function startRedis({ aof = false, args = [], ...more }: RedisSettings = {}): Promise<TestRedis> {
  const folder = mkdtempSync(join(tmpdir(), 'waycast-redis-'));
  const port = more.port ?? (await stablePort());
  let child: ChildProcess | undefined;
  let client: Redis | undefined;
  const settings = ['--port', String(port), '--bind', '127.0.0.1', '--dir', folder, '--save', '', '--loglevel', 'warning'];
  if (aof) settings.push('--appendonly', 'yes', '--appendfsync', 'everysec');
  const start = async (): Promise<void> => {
    const started = spawn('redis-server', [...settings, ...args], { stdio: 'ignore' });
    child = started;
    await once(started, 'spawn');
    guard(started.pid as number, folder);
    await until(
      () => (started.exitCode === null ? answers(port) : 'gone'),
      (seen) => seen === true || seen === 'gone',
    );
    if (started.exitCode !== null) throw new Error(`redis-server ended at once, ${started.exitCode}`);
  };
  const kill = async (signal: NodeJS.Signals): Promise<void> => {
    const dying = child;
    if (dying === undefined || dying.exitCode !== null || dying.signalCode !== null) return;
    dying.kill(signal);
    if (signal === 'SIGKILL' || signal === 'SIGTERM') await once(dying, 'exit');
  };
  await start();
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    get pid() {
      return child?.pid ?? 0;
    },
    client: () => {
      client ??= quietClient(port);
      return client;
    },
    kill,
    start,
    stop: async () => {
      client?.disconnect();
      await kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The one REDIS_URL of the environment names, which is nobody's to kill, or else a private one. */
export async function sharedRedis(): Promise<Pick<TestRedis, 'url' | 'client' | 'stop'>> {
  const url = process.env.REDIS_URL;
  if (url === undefined || url === '') return startRedis();
  const client = new Redis(url);
  return { url, client: () => client, stop: async () => client.disconnect() };
}

function quietClient(port: number): Redis {
  const client = new Redis({ port, host: '127.0.0.1', protocol: 2, retryStrategy: () => 50 });
  // It is killed on purpose; whoever asks of it meanwhile waits.
  client.on('error', () => undefined);
  return client;
}

function answers(port: number): boolean {
  try {
    // One that wants a password is up as well.
    return /PONG|NOAUTH/.test(execFileSync('redis-cli', ['-p', String(port), 'ping'], { encoding: 'utf8', stdio: 'pipe', timeout: 2_000 }));
  } catch (error) {
    // Not up yet: redis-cli ends with an error then.
    if (error instanceof Error) return false;
    throw error;
  }
}
