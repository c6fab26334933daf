import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, rmSync, statSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A place for a data folder that can be made full, and have space again. */
export interface SmallDisk {
  readonly path: string;
  /** how it is done, for the test's output */
  readonly how: string;
  /** From now on nothing grows there; `pid` is the server that lives on it. */
  fill(pid: number): void;
  free(pid: number): void;
  /** Twice is fine. */
  remove(): void;
}

/** A tmpfs of so many MB where mounting is permitted; else a folder, and a limit on how large files of the server may become. */
export function smallDisk(mb = 8): SmallDisk {
  const path = mkdtempSync(join(tmpdir(), 'waycast-disk-'));
  const { status } = spawnSync('mount', ['-t', 'tmpfs', '-o', `size=${mb}m`, 'waycast-test', path]);
  return status === 0 ? tmpfs(path, mb) : limited(path);
}

function tmpfs(path: string, mb: number): SmallDisk {
  const ballast = join(path, 'ballast');
  let mounted = true;
  return {
    path,
    how: `a tmpfs of ${mb} MB`,
    fill: () => {
      const file = openSync(ballast, 'w');
      try {
        for (const chunk of [65_536, 4_096]) while (fits(file, chunk));
      } finally {
        closeSync(file);
      }
    },
    free: () => rmSync(ballast),
    remove: () => {
      if (mounted) spawnSync('umount', ['-l', path]);
      mounted = false;
      rmSync(path, { recursive: true, force: true });
    },
  };
}

function fits(file: number, bytes: number): boolean {
  try {
    return writeSync(file, Buffer.alloc(bytes)) === bytes;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOSPC') return false;
    throw error;
  }
}

function limited(path: string): SmallDisk {
  const limit = (pid: number, bytes: string): void => {
    const { status, stderr } = spawnSync('prlimit', ['--pid', String(pid), `--fsize=${bytes}:unlimited`], { encoding: 'utf8' });
    if (status !== 0) throw new Error(`neither mount nor prlimit is permitted: ${stderr}`);
  };
  return {
    path,
    how: 'a limit on the size of files',
    fill: (pid) => limit(pid, String(Math.max(...readdirSync(path).map((name) => statSync(join(path, name)).size)))),
    // With a server that is gone its limit is, too.
    free: (pid) => existsSync(`/proc/${pid}`) && limit(pid, 'unlimited'),
    remove: () => rmSync(path, { recursive: true, force: true }),
  };
}
