import { type ChildProcess, spawn } from 'node:child_process';
import cluster from 'node:cluster';
import { fileURLToPath } from 'node:url';
import type { Command } from 'commander';
import { startServer, type Waycast } from '../server.ts';
import { SERVING } from '../workers/place.ts';
import { serveWorkers } from './serve-workers.ts';
import { addSettings, settingsOf } from './settings.ts';

const DEMO_TOKEN_S = 30 * 24 * 3600;
const SAME_KEYSTROKE_MS = 1_000;
const CLI = fileURLToPath(new URL('../cli.ts', import.meta.url));

export function serveCommand(program: Command): void {
  const command = program
    .command('serve')
    .description('run the server')
    .option('--demo', 'with a simulated city fleet on the map')
    .option('--vehicles <count>', 'vehicles of the demo', '40');
  addSettings(command).action(serve);
}

async function serve({ demo, vehicles }: { demo?: boolean; vehicles: string }, command: Command): Promise<void> {
  const config = settingsOf(command);
  if (config.workers > 1 && cluster.isPrimary) {
    await serveWorkers(config);
    return;
  }
  const waycast = await startServer(config, (error) => {
    // Nothing more can be promised: whoever is connected must find another server, or this one after a restart.
    process.stderr.write(`waycast: the store has failed for good: ${(error as Error).message}\n`);
    process.exit(1);
  });
  const isFirst = !cluster.isWorker || cluster.worker?.id === 1;
  const fleet = demo === true && isFirst ? await startDemo(waycast, vehicles) : undefined;
  stopOnSignal(waycast, fleet, config.drainSeconds);
  waycast.log.info({ urls: waycast.urls, dataDir: config.dataDir }, 'serving');
  process.send?.(SERVING);
  if (!isFirst) return;
  process.stdout.write(`\nWaycast is up. Sign in to the dashboard (good once, for 15 minutes):\n\n  ${await waycast.signInUrl()}\n\n`);
}

/** The demo is a client like any other: its own process, the public surface, a token. */
async function startDemo(waycast: Waycast, vehicles: string): Promise<ChildProcess> {
  const token = await waycast.tokens.sign({ sub: 'demo', role: 'service', ttl: DEMO_TOKEN_S });
  const [url = ''] = waycast.urls;
  const child = spawn(process.execPath, [CLI, 'demo', '--url', url, '--vehicles', vehicles], {
    env: { PATH: process.env.PATH, WAYCAST_TOKEN: token },
    stdio: ['ignore', 'ignore', 'inherit'],
    // Not in the terminal's group: Ctrl-C reaches the server, and the server ends the demo.
    detached: true,
  });
  child.on('exit', (code) => {
    if (code !== 0 && code !== null) waycast.log.error({ code }, 'the demo fleet stopped');
  });
  return child;
}

function stopOnSignal(waycast: Waycast, fleet: ChildProcess | undefined, drainSeconds: number): void {
  let askedAt: number | undefined;
  const stop = (signal: NodeJS.Signals): void => {
    if (askedAt !== undefined) {
      // npm hands the terminal's Ctrl-C on a second time; a person who asks again means at once.
      if (performance.now() - askedAt > SAME_KEYSTROKE_MS) process.exit(130);
      return;
    }
    askedAt = performance.now();
    waycast.log.info({ signal }, 'draining');
    fleet?.kill('SIGTERM');
    setTimeout(() => {
      waycast.log.error(`not done in ${drainSeconds} s: leaving; clients resend what was not stored`);
      process.exit(1);
    }, drainSeconds * 1000).unref();
    waycast.close().then(
      () => {
        waycast.log.info('everything is stored; bye');
        process.exit(0);
      },
      (error: unknown) => {
        waycast.log.error({ err: error }, 'closing failed');
        process.exit(1);
      },
    );
  };
  process.on('SIGINT', stop);
  process.on('SIGTERM', stop);
}
