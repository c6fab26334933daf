import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it, onTestFinished } from 'vitest';
import { FolderArchive } from '../adapters/archive-folder.ts';
import { ArchiveReader } from './archive-reader.ts';
import { listParts } from './catalogue.ts';
import { eraseFromArchive } from './erase.ts';
import { writePart } from './keeping.ts';
import { PartDamaged, PartReader } from './part-reader.ts';
import { PartWriter } from './part-writer.ts';
import { type ArchivedFix, type ArchiveFiles, ArchiveTrouble, DAY_MS } from './ports.ts';
import { DAY, fix } from './testing/fixes.ts';

const GONE = 'gone-with-the-wind';
const END = (DAY + 5) * DAY_MS;

const many = (driver: string, count: number, day = DAY) => Array.from({ length: count }, (_, n) => fix(driver, n, day));

function archive(): { folder: string; files: FolderArchive } {
  const folder = mkdtempSync(join(tmpdir(), 'waycast-archive-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return { folder, files: new FolderArchive(folder) };
}

async function put(files: ArchiveFiles, day: number, rows: readonly ArchivedFix[]): Promise<string> {
  const writer = new PartWriter(day);
  for (const row of rows) writer.add(row);
  return (await writePart(files, writer)).name;
}

async function everything(files: ArchiveFiles): Promise<ArchivedFix[]> {
  const rows: ArchivedFix[] = [];
  for (const part of await listParts(files)) for await (const some of (await PartReader.open(files, part)).all()) rows.push(...some);
  return rows;
}

const names = async (files: ArchiveFiles) => (await listParts(files)).map(({ name }) => name);
const bytesOf = (folder: string) =>
  readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'latin1'))
    .join('\n');

describe('a driver erased from the archive', () => {
  it('is in none of its bytes; every other row is there, once, as it was [I15]', async () => {
    const { folder, files } = archive();
    const kept = [...many('anna', 25_000), ...many('zoe', 30_000)];
    await put(files, DAY, [...many('anna', 25_000), ...many(GONE, 21_000), ...many('zoe', 30_000)]);
    await put(files, DAY + 1, many(GONE, 3, DAY + 1));
    const untouched = await put(files, DAY + 2, many('anna', 5, DAY + 2));
    const between = await put(files, DAY + 3, [...many('anna', 5, DAY + 3), ...many('zoe', 5, DAY + 3)]);
    const written = statSync(join(folder, untouched)).mtimeMs;
    expect(bytesOf(folder)).toContain(GONE);
    expect(await eraseFromArchive(files, GONE, END)).toEqual({ fixes: 21_003, parts: 2 });
    const rest = [...kept, ...many('anna', 5, DAY + 2), ...many('anna', 5, DAY + 3), ...many('zoe', 5, DAY + 3)];
    expect(await everything(files)).toEqual(rest);
    expect(bytesOf(folder)).not.toContain(GONE);
    expect((await names(files)).slice(1)).toEqual([untouched, between]);
    expect(statSync(join(folder, untouched)).mtimeMs).toBe(written);
    expect(await eraseFromArchive(files, GONE, END)).toEqual({ fixes: 0, parts: 0 });
  });

  it('keeps what was received after it was erased: that is of somebody new [I14]', async () => {
    const { files } = archive();
    await put(files, DAY, many(GONE, 10));
    expect(await eraseFromArchive(files, GONE, fix(GONE, 6).received)).toEqual({ fixes: 7, parts: 1 });
    expect((await everything(files)).map(({ id }) => id)).toEqual([7, 8, 9]);
  });

  it('is in nothing that a reader remembers, who reads a track once for all of its pages [I4, I15]', async () => {
    const { files } = archive();
    await put(files, DAY, [...many('anna', 30), ...many(GONE, 30)]);
    let groups = 0;
    const counted: ArchiveFiles = {
      list: () => files.list(),
      read: (name, start, end) => {
        if (start > 0 || end > 4) groups++;
        return files.read(name, start, end);
      },
      write: (...args) => files.write(...args),
      remove: (name) => files.remove(name),
      tidy: () => files.tidy(),
      close: () => undefined,
    };
    const reader = new ArchiveReader(counted, () => 0);
    const page = async (driver: string, after: ArchivedFix | null) => {
      const { rows } = await reader.track({ driver, from: 0, to: END, after, limit: 10, end: 'first', erased: [] });
      return rows;
    };
    const all: ArchivedFix[] = [];
    for (let n = 0; n < 3; n++) all.push(...(await page(GONE, all.at(-1) ?? null)));
    expect(all).toEqual(many(GONE, 30));
    // The end of the file, and the one group.
    expect(groups).toBe(2);
    expect(await page('anna', null)).toEqual(many('anna', 10));
    await eraseFromArchive(files, GONE, END);
    expect(await page(GONE, null)).toEqual([]);
    expect(await page('anna', null)).toEqual(many('anna', 10));
  });

  it('goes on after it was ended between the new part and the old one [I13]', async () => {
    const { files } = archive();
    await put(files, DAY, [...many('anna', 4), ...many(GONE, 4)]);
    const broken: ArchiveFiles = {
      list: () => files.list(),
      read: (...args) => files.read(...args),
      write: (...args) => files.write(...args),
      remove: () => Promise.reject(new ArchiveTrouble('no right to remove')),
      tidy: async () => undefined,
      close: () => undefined,
    };
    await expect(eraseFromArchive(broken, GONE, END)).rejects.toThrow('no right to remove');
    expect(await names(files)).toHaveLength(2);
    expect(await eraseFromArchive(files, GONE, END)).toEqual({ fixes: 4, parts: 1 });
    expect(await everything(files)).toEqual(many('anna', 4));
  });

  it('goes on past damaged parts, and names each at the end [I15]', async () => {
    const { folder, files } = archive();
    const both = (day: number) => [...many('anna', 400, day), ...many(GONE, 400, day)];
    const damage = (name: string) => {
      const bytes = readFileSync(join(folder, name));
      bytes.fill(0xff, 200, 260);
      writeFileSync(join(folder, name), bytes);
    };
    const [first, , third] = [
      await put(files, DAY, both(DAY)),
      await put(files, DAY + 1, both(DAY + 1)),
      await put(files, DAY + 2, both(DAY + 2)),
    ];
    await put(files, DAY + 3, many(GONE, 3, DAY + 3));
    damage(first);
    damage(third);
    const said = await eraseFromArchive(files, GONE, END).then(
      () => '',
      ({ message }: Error) => message,
    );
    expect(said).toContain(first);
    expect(said).toContain(third);
    const left = await listParts(files);
    expect(left.map(({ day }) => day)).toEqual([DAY, DAY + 1, DAY + 2]);
    for (const part of left.filter(({ day }) => day === DAY + 1))
      for await (const rows of (await PartReader.open(files, part)).all()) expect(rows).toEqual(many('anna', 400, DAY + 1));
    await expect(eraseFromArchive(files, GONE, END)).rejects.toThrow(first);
  });

  it('leaves a damaged part where it is, and says which [I15]', async () => {
    const { folder, files } = archive();
    const name = await put(files, DAY, [...many('anna', 400), ...many(GONE, 400)]);
    const bytes = readFileSync(join(folder, name));
    bytes.fill(0xff, 200, 260);
    writeFileSync(join(folder, name), bytes);
    await expect(eraseFromArchive(files, GONE, END)).rejects.toThrow(PartDamaged);
    expect(await names(files)).toEqual([name]);
  });
});
