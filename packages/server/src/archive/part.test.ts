import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, expect, it } from 'vitest';
import { FolderArchive } from '../adapters/archive-folder.ts';
import { writePart } from './keeping.ts';
import { nameOf, type Part, partOf } from './part-name.ts';
import { PartReader } from './part-reader.ts';
import { PartWriter } from './part-writer.ts';
import { type ArchivedFix, ArchiveTrouble, DAY_MS } from './ports.ts';
import { DAY, fixesOn } from './testing/fixes.ts';

const folder = mkdtempSync(join(tmpdir(), 'waycast-parts-'));
const files = new FolderArchive(folder);
afterAll(() => rmSync(folder, { recursive: true, force: true }));

async function write(rows: readonly ArchivedFix[]): Promise<Part> {
  const writer = new PartWriter(DAY);
  for (const row of rows) writer.add(row);
  return writePart(files, writer);
}

async function read(part: Part): Promise<ArchivedFix[]> {
  const rows: ArchivedFix[] = [];
  for await (const lot of (await PartReader.open(files, part)).all()) rows.push(...lot);
  return rows;
}

it('a part gives back every row as it was, and its name says what is in it [I3]', async () => {
  await fc.assert(
    fc.asyncProperty(fixesOn(DAY), async (rows) => {
      const part = await write(rows);
      expect(await read(part)).toEqual(rows);
      expect(part).toMatchObject({ day: DAY, rows: rows.length });
      expect(part.from).toBe(Math.min(...rows.map(({ at }) => at)));
      expect(part.to).toBe(Math.max(...rows.map(({ at }) => at)));
      expect(partOf(part.name, part.bytes)).toEqual(part);
      expect((await files.list()).find(({ name }) => name === part.name)?.bytes).toBe(part.bytes);
      // The same rows again are the same part.
      expect(await write(rows)).toEqual(part);
      await files.remove(part.name);
    }),
    { numRuns: 60 },
  );
});

it('a part of several groups is read whole, and says of each group what may be in it', async () => {
  const rows = Array.from({ length: 45_000 }, (_, n): ArchivedFix => {
    const driver = `d-${String(Math.floor(n / 1_000)).padStart(3, '0')}`;
    const at = DAY * DAY_MS + (n % 1_000) * 1_000;
    const none = { speed: null, bearing: null, accuracy: null, altitude: null, stream: null, seq: null };
    return { ...none, driver, at, id: n, lat: n, lng: 0 - n, suspect: 0, received: at };
  });
  const part = await write(rows);
  const reader = await PartReader.open(files, part);
  expect(reader.groups.map(({ start, end }) => [start, end])).toEqual([
    [0, 20_000],
    [20_000, 40_000],
    [40_000, 45_000],
  ]);
  expect(reader.groups[1]).toMatchObject({ driver: ['d-020', 'd-039'], lat: [20_000, 39_999], lng: [-39_999, -20_000] });
  expect(await read(part)).toEqual(rows);
  expect(part.bytes / rows.length).toBeLessThan(16);
});

it('a part of which any byte is another one is never taken for what it was [I2]', async () => {
  await fc.assert(
    fc.asyncProperty(fixesOn(DAY, 20), fc.nat(), fc.integer({ min: 1, max: 255 }), async (rows, where, flip) => {
      const part = await write(rows);
      const path = join(folder, part.name);
      const bytes = readFileSync(path);
      bytes[where % bytes.length] = (bytes[where % bytes.length] as number) ^ flip;
      writeFileSync(path, bytes);
      // A byte that says nothing of the rows may be another one: then they are what they were.
      const back = await read(part).catch((error: unknown) => error);
      if (back instanceof Error) expect(back).toBeInstanceOf(ArchiveTrouble);
      else expect(back).toEqual(rows);
      await files.remove(part.name);
    }),
    { numRuns: 150 },
  );
});

it('a part that ends early is damaged', async () => {
  const part = await write(fc.sample(fixesOn(DAY), 1)[0] as ArchivedFix[]);
  const path = join(folder, part.name);
  writeFileSync(path, readFileSync(path).subarray(0, -5));
  await expect(read(part)).rejects.toThrow(ArchiveTrouble);
});

it('names that are not of parts are none', () => {
  const name = nameOf({ day: DAY, from: -5, to: 7, rows: 1, digest: '0123456789ab' });
  expect(name).toBe('history/2024-10-04/-5_7_1_0123456789ab.parquet');
  expect(partOf(name, 3)).toMatchObject({ day: DAY, from: -5, to: 7, rows: 1, bytes: 3 });
  for (const other of ['history/2024-10-04/x.parquet', `${name}.partial`, 'history/2024-13-99/1_2_3_0123456789ab.parquet', 'notes.txt'])
    expect(partOf(other, 1)).toBeUndefined();
});
