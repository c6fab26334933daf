import { randomBytes } from 'node:crypto';
import { mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { type ArchiveFile, ArchiveFileGone, type ArchiveFiles, ArchiveTrouble } from '../archive/ports.ts';

/** A file on its way has a name nobody asks for. */
const PARTIAL = '.partial';
/** What goes to the disk at once, bytes: commits to a database beside it wait until it is there. */
const AT_ONCE = 256 << 10;
/** A write takes seconds, ms. */
const LEFT_MS = 3_600_000;

/** The folder within the one that is named in which all of it lies: what else is there, a disk's `lost+found` say, is nobody's business. */
const ROOT = 'history';

/** An archive in a folder, perhaps of another disk or mounted from elsewhere. */
export class FolderArchive implements ArchiveFiles {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = resolve(folder);
  }

  async list(): Promise<readonly ArchiveFile[]> {
    try {
      const files: ArchiveFile[] = [];
      for (const path of await this.#paths()) {
        if (path.endsWith(PARTIAL)) continue;
        const found = await stat(path).catch(ignoreGone);
        if (found !== undefined) files.push({ name: relative(this.#folder, path).split(sep).join('/'), bytes: found.size });
      }
      return files;
    } catch (error) {
      throw trouble(this.#folder, error);
    }
  }

  async read(name: string, start: number, end: number): Promise<Uint8Array> {
    try {
      await using file = await open(join(this.#folder, name), 'r');
      const bytes = new Uint8Array(end - start);
      for (let at = 0; at < bytes.length; ) {
        const { bytesRead } = await file.read(bytes, at, bytes.length - at, start + at);
        if (bytesRead === 0) throw new Error(`${name} ends at byte ${start + at}`);
        at += bytesRead;
      }
      return bytes;
    } catch (error) {
      throw isGone(error) ? new ArchiveFileGone(name) : trouble(this.#folder, error);
    }
  }

  async write(name: string, bytes: Uint8Array): Promise<void> {
    const path = join(this.#folder, name);
    const partial = `${path}.${randomBytes(6).toString('hex')}${PARTIAL}`;
    try {
      await stat(this.#folder);
      await mkdir(dirname(path), { recursive: true });
      try {
        await using file = await open(partial, 'wx', 0o640);
        for (let at = 0; at < bytes.length; ) {
          at += (await file.write(bytes, at, Math.min(AT_ONCE, bytes.length - at))).bytesWritten;
          await file.datasync();
        }
        await file.sync();
      } catch (error) {
        await rm(partial, { force: true });
        throw error;
      }
      await rename(partial, path);
      for (let folder = dirname(path); ; folder = dirname(folder)) {
        await sync(folder);
        if (folder === this.#folder) break;
      }
    } catch (error) {
      throw trouble(this.#folder, error);
    }
  }

  async remove(name: string): Promise<void> {
    try {
      await rm(join(this.#folder, name), { force: true });
      await sync(dirname(join(this.#folder, name))).catch(ignoreGone);
    } catch (error) {
      throw trouble(this.#folder, error);
    }
  }

  /** Of writers that were ended amid it. One that is at it now is given an hour. */
  async tidy(): Promise<void> {
    try {
      for (const path of await this.#paths()) {
        if (!path.endsWith(PARTIAL)) continue;
        const found = await stat(path).catch(ignoreGone);
        if (found !== undefined && Date.now() - found.mtimeMs > LEFT_MS) await rm(path, { force: true });
      }
    } catch (error) {
      throw trouble(this.#folder, error);
    }
  }

  close(): void {}

  async #paths(): Promise<string[]> {
    // A disk that is not mounted must not pass for an empty archive.
    await stat(this.#folder);
    const entries = await readdir(join(this.#folder, ROOT), { recursive: true, withFileTypes: true }).catch(ignoreGone);
    return (entries ?? []).filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
  }
}

async function sync(folder: string): Promise<void> {
  await using handle = await open(folder, 'r');
  await handle.sync();
}

function isGone(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

function ignoreGone(error: unknown): undefined {
  if (!isGone(error)) throw error;
}

function trouble(folder: string, error: unknown): ArchiveTrouble {
  return new ArchiveTrouble(`the archive folder ${folder} cannot be used (${(error as Error).message})`, { cause: error });
}
