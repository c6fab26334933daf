import { spawn } from 'node:child_process';
import { chmodSync, existsSync, globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { until } from '../until.ts';
import { SHARED_FOLDER } from './postgres.ts';

const BUILD = pathToFileURL(join(import.meta.dirname, '../../../scripts/build-server.mjs')).href;

/** The server is built, if it has changed. A folder for the services a run of tests shares. What is started in it ends with the run, however the run ends. */
export async function setup(): Promise<() => Promise<void>> {
  const { buildServer } = (await import(BUILD)) as { buildServer: (node: string) => void };
  buildServer(process.execPath);
  const folder = mkdtempSync(join(tmpdir(), 'waycast-services-'));
  // Services that refuse to run as root are run by another user.
  chmodSync(folder, 0o755);
  process.env[SHARED_FOLDER] = folder;
  // A run that is killed tears nothing down: this stays behind, looks, and does it then.
  const guard = spawn(
    'sh',
    [
      '-c',
      `while kill -0 ${process.pid} 2>/dev/null && [ -d "$0" ]; do sleep 2; done
      for one in "$0"/*/data/postmaster.pid; do [ -f "$one" ] && kill -INT "$(head -n 1 "$one")" 2>/dev/null; done
      [ -d "$0" ] && sleep 2 && rm -rf "$0"`,
      folder,
    ],
    { detached: true, stdio: 'ignore' },
  );
  guard.unref();
  return async () => {
    const running = globSync(join(folder, '*', 'data', 'postmaster.pid'));
    for (const one of running) process.kill(Number(readFileSync(one, 'utf8').split('\n')[0]), 'SIGINT');
    await until(
      () => running.filter((one) => existsSync(one)),
      (left) => left.length === 0,
    );
    rmSync(folder, { recursive: true, force: true });
  };
}
