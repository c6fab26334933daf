import { listParts } from '../archive/catalogue.ts';
import { openFiles } from '../archive/open-files.ts';
import { dayText } from '../archive/part-name.ts';
import { placeOf } from '../archive/place-of.ts';
import { ArchiveTrouble } from '../archive/ports.ts';
import type { Config } from '../config.ts';
import { bytes } from './amounts.ts';
import { type Check, check, type Finding, failed, notApplicable, ok, warning } from './check.ts';

const CHECK_MS = 8_500;

/** Where history goes that is past retention: whether it can be read, and what is there. Nothing is written. */
export function checkArchive(config: Config): Promise<Check>[] {
  return [check('archive', 'ARCHIVE_URL', CHECK_MS, () => look(config))];
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
    const rows = parts.reduce((sum, part) => sum + part.rows, 0);
    return ok(`${place.url} has ${rows} fixes in ${bytes(size)}, received from ${dayText(first.day)} to ${dayText(last.day)}`);
  } catch (error) {
    if (!(error instanceof ArchiveTrouble)) throw error;
    return failed(error.message, 'mount the folder, or correct the ARCHIVE_ settings; meanwhile archived history cannot be asked for');
  } finally {
    files.close();
  }
}
