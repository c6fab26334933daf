import { createHash } from 'node:crypto';
import { createReadStream, existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { DATABASE } from '../adapters/sqlite-store/folder.ts';
import { StartupError } from '../startup-error.ts';

/** What a backup consists of, and how its files are known again. */
export interface Manifest {
  /** Of the backup itself; another one is another program's. */
  readonly format: 1;
  /** The program that made it, and the version of its database. */
  readonly waycast: string;
  readonly schema: number;
  /** The moment it shows, ISO. */
  readonly at: string;
  readonly files: Readonly<Record<string, FileMark>>;
}

export interface FileMark {
  readonly bytes: number;
  readonly sha256: string;
}

/** Written last: a folder without it is no backup. */
export const MANIFEST = 'backup.json';
export const SECRET = 'secret';

export async function markOf(path: string): Promise<FileMark> {
  const hash = createHash('sha256');
  let bytes = 0;
  await pipeline(createReadStream(path), async (chunks: AsyncIterable<Buffer>) => {
    for await (const chunk of chunks) {
      hash.update(chunk);
      bytes += chunk.length;
    }
  });
  return { bytes, sha256: hash.digest('hex') };
}

/** @throws StartupError when the folder holds no backup, or one this program does not understand */
export function readManifest(folder: string): Manifest {
  const path = join(folder, MANIFEST);
  if (!existsSync(path)) throw new StartupError(`${folder} is no finished backup: it has no ${MANIFEST}`);
  let read: Partial<Manifest> | null;
  try {
    read = JSON.parse(readFileSync(path, 'utf8')) as Partial<Manifest> | null;
  } catch (cause) {
    throw new StartupError(`${path} cannot be read (${(cause as Error).message}): use another backup`, { cause });
  }
  if (read?.format !== 1) {
    const maker = typeof read?.waycast === 'string' ? `Waycast ${read.waycast}` : 'another program';
    throw new StartupError(`${folder} is a backup of format ${String(read?.format)}, made by ${maker}: restore it with that program`);
  }
  if (typeof read.schema !== 'number' || typeof read.files?.[DATABASE]?.sha256 !== 'string')
    throw new StartupError(`${path} does not say what belongs to the backup: use another backup`);
  // They become paths of the data folder.
  const foreign = Object.keys(read.files).find((name) => name !== DATABASE && name !== SECRET);
  if (foreign !== undefined)
    throw new StartupError(`${path} lists ${JSON.stringify(foreign)}, which is not of a backup: use another backup`);
  return read as Manifest;
}

/** @throws StartupError when a file is missing, or is not the one that was backed up */
export async function mustMatch(folder: string, { files }: Manifest): Promise<void> {
  for (const [name, expected] of Object.entries(files)) {
    const path = join(folder, name);
    if (!existsSync(path)) throw new StartupError(`the backup ${folder} is damaged: ${name} is missing; use another backup`);
    const { bytes, sha256 } = await markOf(path);
    if (bytes !== expected.bytes || sha256 !== expected.sha256)
      throw new StartupError(`the backup ${folder} is damaged: ${name} is not what was backed up; use another backup`);
  }
}
