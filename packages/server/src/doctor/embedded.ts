import { databaseOf, holderOf, inspectSqlite, type SqliteFindings, sizesOf } from '../adapters/sqlite-store/inspect.ts';
import { SCHEMA_VERSION } from '../adapters/sqlite-store/schema.ts';
import type { Config } from '../config.ts';
import { bytes } from './amounts.ts';
import { type Check, check, type Finding, failed, notApplicable, ok, warning } from './check.ts';
import { schemaFinding, setAsideFinding } from './schema.ts';

const INSPECT_MS = 5_000;
const CHECK_MS = 7_000;
const LARGE_WAL = 1_024 ** 3;
/** As SQLite says it of what a backup alone can mend. */
const IS_DAMAGED = /malformed|not a database|corrupt/;

/** The database inside; a server may run on it meanwhile. */
export function checkEmbedded({ dataDir }: Config): Promise<Check>[] {
  const sizes = (async () => sizesOrNull(dataDir))();
  const looked = sizes.then((found) => (found === null ? null : inspectSqlite(dataDir, INSPECT_MS)));
  // Whoever waits for it says why it failed.
  looked.catch(() => undefined);
  const of = (group: string, name: string, find: (found: SqliteFindings) => Finding): Promise<Check> =>
    check(group, name, CHECK_MS, async () => {
      const found = await looked;
      return found === null ? notApplicable('there is none yet: the first start makes it') : find(found);
    });
  return [
    check('database', 'file', CHECK_MS, async () => file(dataDir, await sizes)),
    of('database', 'schema', ({ schema, problem }) =>
      schema === undefined ? unread(dataDir, problem) : schemaFinding(schema, SCHEMA_VERSION),
    ),
    of('database', 'integrity', ({ integrity, problem }) => integrityFinding(dataDir, integrity, problem)),
    check('clock', 'offset', CHECK_MS, () => notApplicable('there is no other clock to compare with: keep this machine on NTP')),
    check('ownership', 'processes', CHECK_MS, () => notApplicable('one process has everything to itself')),
    of('ownership', 'set aside', ({ setAside, problem }) =>
      setAside === undefined ? unread(dataDir, problem) : setAsideFinding(setAside ?? 0, null, `sqlite3 -readonly ${databaseOf(dataDir)}`),
    ),
  ];
}

/** Below a file there is none; the folder's own checks say so. */
function sizesOrNull(dataDir: string): ReturnType<typeof sizesOf> {
  try {
    return sizesOf(dataDir);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOTDIR') return null;
    throw error;
  }
}

function file(dataDir: string, sizes: ReturnType<typeof sizesOf>): Finding {
  if (sizes === null) return notApplicable('there is none yet: the first start makes it');
  const holder = holderOf(dataDir);
  const said = `${bytes(sizes.database)}, write-ahead log ${bytes(sizes.wal)}${holder === null ? '' : `, in use by ${holder}`}`;
  if (sizes.wal < LARGE_WAL) return ok(said);
  return warning(said, 'something holds an old state of it open, or the disk is too slow: end other programs that read it, and restart');
}

function integrityFinding(dataDir: string, integrity: string | undefined, problem: string | undefined): Finding {
  if (integrity === 'ok') return ok('PRAGMA quick_check finds nothing');
  const remedy = `stop the server, keep a copy of ${dataDir}, and put a backup in its place`;
  if (integrity !== undefined) return failed(`damaged: ${integrity}`, remedy);
  if (problem !== undefined) return failed(`it cannot be read: ${problem}`, IS_DAMAGED.test(problem) ? remedy : seeRights(dataDir));
  return notApplicable(
    `too large to be read within ${INSPECT_MS / 1_000} s`,
    `when there is time: sqlite3 -readonly ${databaseOf(dataDir)} 'PRAGMA quick_check'`,
  );
}

function unread(dataDir: string, problem: string | undefined): Finding {
  if (problem === undefined) return failed(`not read within ${INSPECT_MS / 1_000} s`, 'see what keeps its disk busy');
  return failed(`it cannot be read: ${problem}`, seeRights(dataDir));
}

function seeRights(dataDir: string): string {
  return `see whose ${databaseOf(dataDir)} is and who may read it, and run doctor again as that user`;
}
