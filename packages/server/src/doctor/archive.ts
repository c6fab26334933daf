import { accessSync, constants, existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { listParts } from '../archive/catalogue.ts';
import { openFiles } from '../archive/open-files.ts';
import { dayText, type Part } from '../archive/part-name.ts';
import { PartReader } from '../archive/part-reader.ts';
import { placeOf } from '../archive/place-of.ts';
import { type ArchiveFiles, ArchiveTrouble } from '../archive/ports.ts';
import type { Config } from '../config.ts';
import { bytes } from './amounts.ts';
import { type Check, check, type Finding, failed, notApplicable, ok, warning } from './check.ts';
import { space } from './folder.ts';

const CHECK_MS = 8_500;
/** The newest parts are opened: all of them would be minutes. */
const OPENED = 20;

/** Where history goes that is past retention: whether it can be read, what is there, and whether there is room for more. Nothing is written. */
export function checkArchive(config: Config): Promise<Check>[] {
  return [check('archive', 'ARCHIVE_URL', CHECK_MS, () => look(config)), check('archive', 'writable', CHECK_MS, () => writable(config))];
}

async function writable(config: Config): Promise<Finding> {
  const { protocol } = new URL(placeOf(config)?.url ?? 'none:');
  if (protocol === 'none:') return notApplicable('there is none');
  if (protocol !== 'file:') return notApplicable('whether a bucket takes more shows when history goes there: nothing is written here');
  const folder = fileURLToPath(placeOf(config)?.url ?? '');
  const history = join(folder, 'history');
  const at = existsSync(history) ? history : folder;
  try {
    accessSync(at, constants.W_OK | constants.X_OK);
  } catch (error) {
    return failed(
      `${at} cannot be written (${(error as Error).message})`,
      'give the user of the server the right to, and where systemd starts it name the folder in ReadWritePaths: history stays in the database meanwhile',
    );
  }
  return await space(folder, 'make room: history stays in the database meanwhile');
}

async function damaged(files: ArchiveFiles, parts: readonly Part[]): Promise<string | null> {
  for (const part of parts.slice(-OPENED)) {
    try {
      await PartReader.open(files, part);
    } catch (error) {
      if (error instanceof ArchiveTrouble) return error.message;
      throw error;
    }
  }
  return null;
}

async function look(config: Config): Promise<Finding> {
  const place = placeOf(config);
  if (place === undefined) return notApplicable('it is not set: all history stays in the database, which grows');
  if (place === null)
    return warning(
      `history older than ${config.retentionDays} days is deleted for good`,
      'name a folder or a bucket if it may be wanted again',
    );
  const files = await openFiles(place);
  try {
    const parts = await listParts(files);
    const size = parts.reduce((sum, part) => sum + part.bytes, 0);
    const [first, last] = [parts[0], parts.at(-1)];
    if (first === undefined || last === undefined) return ok(`${place.url} can be read; nothing is there yet`);
    const damage = await damaged(files, parts);
    if (damage !== null)
      return failed(damage, 'put it back from a copy, or move it away: what of its day is still in the database is then archived anew');
    const rows = parts.reduce((sum, part) => sum + part.rows, 0);
    return ok(`${place.url} has ${rows} fixes in ${bytes(size)}, received from ${dayText(first.day)} to ${dayText(last.day)}`);
  } catch (error) {
    if (!(error instanceof ArchiveTrouble)) throw error;
    return failed(error.message, 'mount the folder, or correct the ARCHIVE_ settings; meanwhile archived history cannot be asked for');
  } finally {
    files.close();
  }
}
