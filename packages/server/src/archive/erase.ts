import { listParts } from './catalogue.ts';
import { writePart } from './keeping.ts';
import type { Part } from './part-name.ts';
import { PartDamaged, PartReader } from './part-reader.ts';
import { PartWriter } from './part-writer.ts';
import { ArchiveFileGone, type ArchiveFiles, ArchiveTrouble } from './ports.ts';

/** What was taken out: fixes, and of how many parts. */
export interface ErasedFromArchive {
  readonly fixes: number;
  readonly parts: number;
}

/**
 * Takes out of the archive what a driver has there that was received up to `before`, epoch ms [I15]. A part that has some is
 * written anew without it and read back before it goes: whoever reads meanwhile finds every other row in one or in both. Parts
 * are named after what is in them, so to do it again after a crash is harmless. Not while history is being kept: what that has
 * read already would come in afterwards.
 * @throws PartDamaged, or ArchiveTrouble of several such, once all others are done: these are as they were. ArchiveTrouble at
 * once when the archive cannot be had; the part it was at is as it was, those before it are done
 */
export async function eraseFromArchive(files: ArchiveFiles, driver: string, before: number): Promise<ErasedFromArchive> {
  let [fixes, parts] = [0, 0];
  const damaged: PartDamaged[] = [];
  for (const part of await listParts(files)) {
    try {
      const erased = await eraseFromPart(files, part, driver, before);
      if (erased === 0) continue;
      fixes += erased;
      parts++;
    } catch (error) {
      if (!(error instanceof PartDamaged)) throw error;
      damaged.push(error);
    }
  }
  const [first] = damaged;
  if (first !== undefined) throw damaged.length === 1 ? first : new ArchiveTrouble(damaged.map(({ message }) => message).join('; '));
  return { fixes, parts };
}

/** Answers how many rows it had. */
async function eraseFromPart(files: ArchiveFiles, part: Part, driver: string, before: number): Promise<number> {
  try {
    const reader = await PartReader.open(files, part);
    if (!(await hasSome(reader, driver, before))) return 0;
    const rest = new PartWriter(part.day);
    for await (const rows of reader.all()) for (const row of rows) if (row.driver !== driver || row.received > before) rest.add(row);
    if (rest.rows > 0) await writePart(files, rest);
    await files.remove(part.name);
    return part.rows - rest.rows;
  } catch (error) {
    // Somebody else did the same.
    if (error instanceof ArchiveFileGone) return 0;
    throw error;
  }
}

/** Groups say from which driver to which they go: mostly none has to be read. */
async function hasSome(reader: PartReader, driver: string, before: number): Promise<boolean> {
  for (const group of reader.groups) {
    const [first, last] = group.driver;
    if (driver < first || driver > last) continue;
    if ((await reader.rows(group)).some((row) => row.driver === driver && row.received <= before)) return true;
  }
  return false;
}
