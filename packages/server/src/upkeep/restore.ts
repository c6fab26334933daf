import { chownSync, copyFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { checkDatabase, isKnown } from '../adapters/sqlite-store/copy.ts';
import { DATABASE, RESTORING, takeFolder } from '../adapters/sqlite-store/folder.ts';
import { MOVED } from '../adapters/sqlite-store/moved.ts';
import { StartupError } from '../startup-error.ts';
import { moveForGood, mustHaveRoom, sync } from './files.ts';
import { type Manifest, mustMatch, readManifest, SECRET } from './manifest.ts';

/** SQLite keeps these beside a database; with another database they would destroy it. */
const BESIDE = ['-wal', '-shm', '-journal'];
/** What a file is called until it has its place. */
const ARRIVING = '.restoring';
/** Made by whoever holds the folder first. */
const OF_THE_HOLDER = ['lock', 'holder.json'];

export interface Restored {
  readonly manifest: Manifest;
  /** Where what was there before is now; null when there was nothing. */
  readonly before: string | null;
}

/**
 * Makes a data folder what a backup has. Nothing is touched before all of the backup was looked at; a restore that did
 * not get to its end keeps servers from starting on half of it, and is done again.
 * @param replace what is there already is kept aside
 * @throws StartupError when the backup is damaged or of a newer program, the folder is in use, or holds a database
 */
export async function restore(folder: string, dataDir: string, replace: boolean): Promise<Restored> {
  const manifest = readManifest(folder);
  if (!isKnown(manifest.schema))
    throw new StartupError(
      `${folder} was made by Waycast ${manifest.waycast}, its database has version ${manifest.schema}, which this program does not know: restore it with that program, or a newer one`,
    );
  await mustMatch(folder, manifest);
  const held = takeFolder(dataDir, 'restore');
  const names = Object.keys(manifest.files);
  try {
    const interrupted = readMark(dataDir);
    if (existsSync(held.database) && !replace && interrupted === null)
      throw new StartupError(`DATA_DIR ${dataDir} holds a database already: name another folder, or keep that one aside with --replace`);
    mustHaveRoom(
      dataDir,
      Object.values(manifest.files).reduce((sum, { bytes }) => sum + bytes, 0),
    );
    for (const name of names) copyFileSync(join(folder, name), join(dataDir, name + ARRIVING));
    checkDatabase(join(dataDir, DATABASE + ARRIVING));
    const mark = interrupted ?? { before: `before-restore-${new Date().toISOString().replaceAll(/[:.]/g, '-')}` };
    writeMark(dataDir, mark);
    const before = keepAside(dataDir, join(dataDir, mark.before));
    // The database last: what stands before it is of no harm without it.
    for (const name of names.toSorted((a, b) => Number(a === DATABASE) - Number(b === DATABASE)))
      moveForGood(join(dataDir, name + ARRIVING), join(dataDir, name));
    giveTo(dataDir, [...names, ...OF_THE_HOLDER]);
    rmSync(join(dataDir, RESTORING));
    sync(dataDir);
    return { manifest, before };
  } finally {
    for (const name of names) rmSync(join(dataDir, name + ARRIVING), { force: true });
    held.release();
  }
}

/** Root may put a backup in place; the server is somebody else, to whom the folder belongs. */
function giveTo(dataDir: string, names: readonly string[]): void {
  if (process.getuid?.() !== 0) return;
  const { uid, gid } = statSync(dataDir);
  for (const name of names) if (existsSync(join(dataDir, name))) chownSync(join(dataDir, name), uid, gid);
}

/** Of a restore under way: where it keeps what was there. */
interface Mark {
  readonly before: string;
}

function readMark(dataDir: string): Mark | null {
  const path = join(dataDir, RESTORING);
  return existsSync(path) ? (JSON.parse(readFileSync(path, 'utf8')) as Mark) : null;
}

function writeMark(dataDir: string, mark: Mark): void {
  const path = join(dataDir, RESTORING);
  writeFileSync(path + ARRIVING, JSON.stringify(mark));
  moveForGood(path + ARRIVING, path);
}

/** Answers null when nothing was there. What is aside already was there first: what stands in its place is of a restore that was interrupted. */
function keepAside(dataDir: string, before: string): string | null {
  const names = [DATABASE, ...BESIDE.map((end) => DATABASE + end), SECRET, MOVED].filter((name) => existsSync(join(dataDir, name)));
  if (names.length === 0) return existsSync(before) ? before : null;
  mkdirSync(before, { recursive: true, mode: 0o700 });
  for (const name of names) {
    if (existsSync(join(before, name))) rmSync(join(dataDir, name));
    else renameSync(join(dataDir, name), join(before, name));
  }
  sync(before);
  return before;
}
