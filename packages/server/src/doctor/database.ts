import { sayHalfMoved } from '../adapters/postgres-store/half-moved.ts';
import { connectionsOf, Inspection } from '../adapters/postgres-store/inspect.ts';
import { SCHEMA_VERSION } from '../adapters/postgres-store/schema.ts';
import type { Config } from '../config.ts';
import { StartupError } from '../startup-error.ts';
import { type Check, check, type Finding, failed, notApplicable, ok, refused, warning } from './check.ts';
import { clockOffset } from './clock.ts';
import { schemaFinding } from './schema.ts';
import { isReadable } from './shown-settings.ts';

const CONNECT_MS = 3_500;
const ANSWER_MS = 2_500;
const CHECK_MS = 8_500;
const FEW_DAYS = 3;
const FAR_BEHIND_S = 10;

/** A connection to look at a database by; who asks for it first hears why there is none. */
export function inspect(key: string, url: string, { dbConnectTimeoutMs }: Config): Promise<Inspection> {
  const opened = Inspection.open(key, url, Math.min(dbConnectTimeoutMs, CONNECT_MS), ANSWER_MS);
  opened.catch(() => undefined);
  return opened;
}

/** The finding of a question, where there is a connection to ask it by. */
export async function asked(opened: Promise<Inspection>, find: (inspection: Inspection) => Promise<Finding>): Promise<Finding> {
  const inspection = await opened.catch(() => null);
  return inspection === null ? notApplicable('PostgreSQL cannot be asked') : find(inspection);
}

/** As `asked`, of tables: they may not be there yet. */
export function askedOfTables(opened: Promise<Inspection>, find: (inspection: Inspection) => Promise<Finding>): Promise<Finding> {
  return asked(opened, async (inspection) =>
    (await inspection.schema()) === null ? notApplicable('there are no tables yet: the first start makes them') : find(inspection),
  );
}

/** PostgreSQL, and its replica. */
export function checkDatabase(config: Config, opened: Promise<Inspection>): Promise<Check>[] {
  const of = (name: string, find: (inspection: Inspection) => Promise<Finding>): Promise<Check> =>
    check('database', name, CHECK_MS, () => asked(opened, find));
  return [
    check('database', 'PostgreSQL', CHECK_MS, () => server(opened)),
    of('PostGIS', postgis),
    of('rights', rights),
    of('schema', async (inspection) => {
      if (await inspection.isHalfMoved()) return halfMoved(inspection.name);
      const version = await inspection.schema();
      return version === null ? ok('none yet: the first start makes it') : schemaFinding(version, SCHEMA_VERSION);
    }),
    of('connections', (inspection) => connections(inspection, config)),
    check('database', 'days ahead', CHECK_MS, () => askedOfTables(opened, days)),
    check('database', 'replica', CHECK_MS, () => replica(config)),
    check('clock', 'PostgreSQL', CHECK_MS, () => asked(opened, (inspection) => clockOffset('PostgreSQL', () => inspection.now()))),
  ];
}

async function server(opened: Promise<Inspection>): Promise<Finding> {
  try {
    const inspection = await opened;
    const fault = inspection.faults().find((line) => !line.includes('no PostGIS'));
    return fault === undefined ? ok(`version ${inspection.facts.version} at ${inspection.name}, takes writes`) : refused(fault);
  } catch (error) {
    if (error instanceof StartupError) return refused(error.message);
    throw error;
  }
}

function halfMoved(name: string): Finding {
  const { what, remedy } = sayHalfMoved(name);
  return failed(`${what}: no server starts on it`, remedy);
}

async function postgis(inspection: Inspection): Promise<Finding> {
  const { postgis: version } = inspection.facts;
  const fault = inspection.faults().find((line) => line.includes('no PostGIS'));
  if (fault !== undefined) return refused(fault);
  if (version !== null) return ok(`version ${version}`);
  const { mayCreateExtension } = await inspection.rights();
  if (mayCreateExtension) return ok('not in this database yet: the first start makes it');
  return warning(
    'not in this database yet, and this user is no superuser',
    'as a superuser run CREATE EXTENSION postgis; in this database',
  );
}

async function rights(inspection: Inspection): Promise<Finding> {
  const { schema, mayCreate, ownsTables } = await inspection.rights();
  if (schema === null) return failed('there is no schema this user may use', 'create one, or set search_path of the user');
  if (!mayCreate) return failed(`this user may make no tables in schema ${schema}`, `GRANT CREATE ON SCHEMA ${schema} TO the user`);
  if (!ownsTables) return failed('the tables belong to another user', 'use that user in DATABASE_URL, or give this one its role');
  return ok(`may make tables in schema ${schema}, and change those there are`);
}

async function connections(inspection: Inspection, { dbPoolMax, workers }: Config): Promise<Finding> {
  const { most, used, others } = await inspection.connections();
  const each = connectionsOf(dbPoolMax);
  const said = `${used} of ${most} used, ${others} by others; ${workers === 1 ? 'a process' : `${workers} processes`} may take ${each * workers}`;
  if (others + each * workers <= most) return ok(said);
  return warning(said, 'raise max_connections of PostgreSQL, or lower DB_POOL_MAX');
}

async function days(inspection: Inspection): Promise<Finding> {
  const there = await inspection.days();
  if (there === null) return ok('location_history has no partition yet: the first commit makes them');
  const said = there === 0 ? 'location_history has no partition for today' : `location_history has today's and ${there - 1} more`;
  if (there > FEW_DAYS) return ok(said);
  return warning(said, 'a server that stores something makes a week ahead by itself: start one, or see in its log why it cannot');
}

async function replica(config: Config): Promise<Finding> {
  const { databaseReadUrl } = config;
  if (databaseReadUrl === undefined) return notApplicable('DATABASE_READ_URL is not set');
  if (!isReadable('DATABASE_READ_URL', databaseReadUrl))
    return failed('DATABASE_READ_URL cannot be used, so nothing was asked', 'correct it, and run doctor again');
  let opened: Inspection | undefined;
  try {
    opened = await inspect('DATABASE_READ_URL', databaseReadUrl, config);
    const lag = await opened.lag();
    if (lag === null)
      return warning(`${opened.name} is no replica`, 'name a replica of DATABASE_URL in DATABASE_READ_URL, or leave it out');
    const said = `${opened.name} is ${lag.toFixed(1)} s behind`;
    return lag <= FAR_BEHIND_S ? ok(said) : warning(said, 'see its load and its way to the primary: history shows what it has');
  } catch (error) {
    if (error instanceof StartupError) return refused(error.message);
    throw error;
  } finally {
    opened?.close();
  }
}
