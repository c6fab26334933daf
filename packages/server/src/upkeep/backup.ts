import { chmodSync, copyFileSync, existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { checkDatabase, copyDatabase, DatabaseDamaged, type Progress } from '../adapters/sqlite-store/copy.ts';
import { DATABASE, type Lock, lockFile } from '../adapters/sqlite-store/folder.ts';
import { StartupError } from '../startup-error.ts';
import { VERSION } from '../version.ts';
import { moveForGood, mustHaveRoom, sizeOf, sync } from './files.ts';
import { MANIFEST, type Manifest, markOf, SECRET } from './manifest.ts';

/** What SQLite says of a file that is not as it left it. */
const SQLITE_CORRUPT = 11;
const SQLITE_NOTADB = 26;
/** Beside the folder of a backup under way. */
const LOCK = '.lock';

/**
 * Copies a data folder, of a server that runs or of none, into a new folder: the database as it is when this begins, and
 * the secret. The folder has its name once all of it is there, durable and looked through.
 * @throws StartupError when there is nothing to back up, the folder is taken, or the disk has no room
 */
export async function backUp(dataDir: string, folder: string, progress: Progress): Promise<Manifest> {
  const database = join(dataDir, DATABASE);
  if (!existsSync(database)) throw new StartupError(`DATA_DIR ${dataDir} holds no database to back up: name the folder the server uses`);
  const target = resolve(folder);
  if (existsSync(target)) throw new StartupError(`${folder} is there already: name a new folder for the backup`);
  const partial = join(dirname(target), `${basename(target)}.partial`);
  const lock = takePartial(partial);
  try {
    return await fill(partial, target, dataDir, progress);
  } catch (error) {
    rmSync(partial, { recursive: true, force: true });
    throw error;
  } finally {
    lock.close();
    rmSync(partial + LOCK, { force: true });
  }
}

async function fill(partial: string, target: string, dataDir: string, progress: Progress): Promise<Manifest> {
  const database = join(dataDir, DATABASE);
  // What the server writes while this goes on stays in its log.
  mustHaveRoom(dataDir, 0);
  mustHaveRoom(dirname(target), sizeOf(database) + sizeOf(`${database}-wal`));
  const at = new Date().toISOString();
  const schema = await copyWhole(database, join(partial, DATABASE), progress);
  if (existsSync(join(dataDir, SECRET))) copyFileSync(join(dataDir, SECRET), join(partial, SECRET));
  const files: Record<string, Awaited<ReturnType<typeof markOf>>> = {};
  for (const name of readdirSync(partial)) {
    chmodSync(join(partial, name), 0o600);
    sync(join(partial, name));
    files[name] = await markOf(join(partial, name));
  }
  const manifest: Manifest = { format: 1, waycast: VERSION, schema, at, files };
  writeFileSync(join(partial, MANIFEST), `${JSON.stringify(manifest, null, 2)}\n`, { mode: 0o600 });
  sync(join(partial, MANIFEST));
  moveForGood(partial, target);
  return manifest;
}

/** Copies a database and looks through the copy; answers its schema. */
async function copyWhole(from: string, to: string, progress: Progress): Promise<number> {
  try {
    await copyDatabase(from, to, progress);
    return checkDatabase(to);
  } catch (cause) {
    const { message, errcode } = cause as Error & { errcode?: number };
    const isDamaged = cause instanceof DatabaseDamaged || errcode === SQLITE_CORRUPT || errcode === SQLITE_NOTADB;
    if (!isDamaged) throw cause;
    throw new StartupError(
      `the database ${from} is damaged (${cause instanceof DatabaseDamaged ? cause.why : message}), and there is no backup of what is damaged: keep DATA_DIR, and go back to the last good backup by waycast restore`,
      { cause },
    );
  }
}

/** Takes the folder of a backup under way. What an earlier one left that did not get to its end goes; what is not of a backup stays. */
function takePartial(partial: string): Lock {
  try {
    mkdirSync(partial, { recursive: true, mode: 0o700 });
    const left = readdirSync(partial);
    const foreign = left.find((name) => ![SECRET, MANIFEST].includes(name) && !name.startsWith(DATABASE));
    if (foreign !== undefined) throw new StartupError(`${partial} holds ${foreign}, which is not of a backup: move it away first`);
    const lock = lockFile(partial + LOCK);
    if (lock === null) throw new StartupError(`another backup is being made in ${partial}: wait for it, or name another folder`);
    for (const name of left) rmSync(join(partial, name));
    return lock;
  } catch (cause) {
    if (cause instanceof StartupError) throw cause;
    throw new StartupError(`${partial} cannot be written (${(cause as Error).message}): give this user the folder or name another`, {
      cause,
    });
  }
}
