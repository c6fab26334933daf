import { accessSync, constants, existsSync, type Stats, statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { dirname, join, resolve } from 'node:path';
import { RESTORING } from '../adapters/sqlite-store/folder.ts';
import { readMove, sayMoved } from '../adapters/sqlite-store/moved.ts';
import { sharedSecrets } from '../auth/secret.ts';
import type { Config } from '../config.ts';
import { bytes } from './amounts.ts';
import { type Check, check, type Finding, failed, notApplicable, ok, warning } from './check.ts';

const CHECK_MS = 4_000;
const LITTLE = 1_024 ** 3;
const TOO_LITTLE = 100 * 1_024 ** 2;
const LITTLE_SHARE = 0.1;

/** DATA_DIR: whether it can be written, who may read it, and what room there is. */
export function checkFolder(config: Config): Promise<Check>[] {
  const dir = resolve(config.dataDir);
  const look = (name: string, find: () => Promise<Finding> | Finding): Promise<Check> =>
    check('folder', name, CHECK_MS, () =>
      isNeeded(config) ? find() : notApplicable('nothing is kept in DATA_DIR: DATABASE_URL and JWT_SECRET_KEY are set'),
    );
  return [
    look('DATA_DIR', () => writable(dir, config.databaseUrl !== undefined)),
    look('rights', () => rights(dir)),
    look('space', () => space(dir, 'make room: what cannot be stored is not acknowledged')),
  ];
}

function isNeeded(config: Config): boolean {
  try {
    return config.databaseUrl === undefined || sharedSecrets(config) === undefined;
  } catch {
    // The settings of tokens contradict each other, which has a check of its own: the folder may be needed.
    return true;
  }
}

/** @param isElsewhere the database is not the one in it */
function writable(dir: string, isElsewhere: boolean): Finding {
  const there = nearest(dir);
  const remedy = 'give this user the folder, or name another one by DATA_DIR';
  if (!statSync(there).isDirectory()) return failed(`${dir} cannot be a folder: ${there} is a file`, 'name another folder by DATA_DIR');
  try {
    accessSync(there, constants.W_OK | constants.X_OK);
  } catch (error) {
    return failed(`${there} cannot be written (${(error as Error).message})`, remedy);
  }
  if (existsSync(join(dir, RESTORING)))
    return failed(
      `${dir} holds a restore that did not get to its end: no server starts on it`,
      'run waycast restore again, with the same backup',
    );
  const said = there === dir ? `${dir} can be written` : `${dir} is not there yet and will be made`;
  const move = readMove(dir);
  if (move === null) return ok(said);
  const moved = sayMoved(dir, move);
  return isElsewhere ? ok(`${said}; ${moved.what}`) : failed(`${moved.what}: no server starts on it`, moved.remedy);
}

function rights(dir: string): Finding {
  const folder = statOf(dir);
  if (folder === undefined) return notApplicable('there is no folder yet');
  if (process.getuid === undefined) return notApplicable('this system has no owners and modes of files');
  const me = process.getuid();
  if (folder.uid !== me)
    return warning(`${dir} belongs to user ${folder.uid}, this is user ${me}`, 'run the server and doctor as the user whose folder it is');
  const secret = statOf(join(dir, 'secret'));
  if (secret !== undefined && (secret.mode & 0o077) !== 0)
    return warning(
      `others may read the secret that signs tokens (mode ${mode(secret)})`,
      `chmod 600 ${join(dir, 'secret')}; whoever may have read it can sign tokens until it is removed and made anew`,
    );
  if ((folder.mode & 0o022) !== 0) return warning(`others may write in ${dir} (mode ${mode(folder)})`, `chmod go-w ${dir}`);
  return ok(`the folder is this user's (mode ${mode(folder)})${secret === undefined ? '' : ', its secret for nobody else to read'}`);
}

/** What room there is on the disk of a folder; `remedy` says what becomes of what finds none. */
export async function space(dir: string, remedy: string): Promise<Finding> {
  const { bavail, blocks, bsize } = await statfs(nearest(dir));
  const free = bavail * bsize;
  const share = blocks === 0 ? 0 : bavail / blocks;
  const said = `${bytes(free)} free, ${(share * 100).toFixed(0)} % of the disk`;
  if (free < TOO_LITTLE) return failed(said, remedy);
  return free < LITTLE || share < LITTLE_SHARE ? warning(said, remedy) : ok(said);
}

/** The path, or as much of it as is there. */
function nearest(path: string): string {
  let at = path;
  while (!existsSync(at) && dirname(at) !== at) at = dirname(at);
  return at;
}

function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false });
  } catch (error) {
    // Below a file there is nothing either.
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return undefined;
    throw error;
  }
}

function mode(stats: Stats): string {
  return (stats.mode & 0o777).toString(8).padStart(3, '0');
}
