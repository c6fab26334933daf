import type { Inspection } from '../adapters/postgres-store/inspect.ts';
import type { RedisConnection } from '../adapters/redis/redis-connection.ts';
import type { Survey } from '../config.ts';
import { VERSION } from '../version.ts';
import { checkAccess } from './access.ts';
import { checkArchive } from './archive.ts';
import { type Check, check, failed, ok, refused } from './check.ts';
import { checkDatabase, inspect } from './database.ts';
import { checkEmbedded } from './embedded.ts';
import { checkFolder } from './folder.ts';
import { checkMachine } from './machine.ts';
import { checkOwnership } from './ownership.ts';
import { checkPorts } from './ports.ts';
import { checkRedis, connectRedis } from './redis.ts';
import type { Report } from './report.ts';
import { isReadable, shownSettings } from './shown-settings.ts';

const CHECK_MS = 1_000;
const CORRECT = 'correct it, or leave it out: waycast serve --help lists every setting';

/** Looks at everything a server with these settings would stand on, side by side, and changes none of it [C1, C4]. */
export async function examine(survey: Survey): Promise<Report> {
  const { config } = survey;
  const database =
    config.databaseUrl === undefined || !isReadable('DATABASE_URL', config.databaseUrl)
      ? null
      : inspect('DATABASE_URL', config.databaseUrl, config);
  const redis = config.redisUrl === undefined || !isReadable('REDIS_URL', config.redisUrl) ? null : connectRedis(config.redisUrl, config);
  const checks = await Promise.all([
    ...checkConfig(survey),
    ...checkMachine(),
    ...checkPorts(config),
    ...checkFolder(config),
    ...checkAccess(config),
    ...checkArchive(config),
    ...checkStores(survey, database, redis),
  ]);
  letGo(database, redis);
  return {
    version: VERSION,
    ok: checks.every(({ verdict }) => verdict !== 'failed'),
    settings: shownSettings(survey.settings),
    checks,
  };
}

function checkConfig({ problems, config }: Survey): Promise<Check>[] {
  const found = problems.map(({ message }) => (message.includes(' will not do; ') ? refused(message) : failed(message, CORRECT)));
  for (const [name, url] of Object.entries(addressesOf(config))) {
    if (url === undefined || isReadable(name, url)) continue;
    found.push(
      failed(`${name}: where its password ends cannot be told`, 'write the signs in it as %2F for /, %3F for ?, %23 for #, %40 for @'),
    );
  }
  if (found.length === 0) found.push(ok('all of it is known and can be used'));
  return found.map((finding) => check('config', 'settings', CHECK_MS, () => finding));
}

function addressesOf({ databaseUrl, databaseReadUrl, redisUrl }: Survey['config']): Readonly<Record<string, string | undefined>> {
  return { DATABASE_URL: databaseUrl, DATABASE_READ_URL: databaseReadUrl, REDIS_URL: redisUrl };
}

function checkStores(
  { config, settings }: Survey,
  database: Promise<Inspection> | null,
  redis: Promise<RedisConnection> | null,
): Promise<Check>[] {
  const unusable = (name: string): boolean => settings.some((one) => one.name === name && !one.isUsable);
  const skipped = (group: string, name: string): Promise<Check>[] => [
    check(group, name, CHECK_MS, () => failed(`${name} cannot be used, so nothing was asked`, `correct ${name}, and run doctor again`)),
  ];
  const checks: Promise<Check>[] = [];
  if (database !== null) checks.push(...checkDatabase(config, database), ...checkOwnership(database, redis));
  else if (unusable('DATABASE_URL') || config.databaseUrl !== undefined) checks.push(...skipped('database', 'DATABASE_URL'));
  else checks.push(...checkEmbedded(config));
  if (redis !== null) checks.push(...checkRedis(redis));
  else if (unusable('REDIS_URL') || config.redisUrl !== undefined) checks.push(...skipped('redis', 'REDIS_URL'));
  return checks;
}

/** Whatever opens later is let go when it does: nobody waits for it. */
function letGo(database: Promise<Inspection> | null, redis: Promise<RedisConnection> | null): void {
  const nothing = (): void => undefined;
  void database?.then((inspection) => inspection.close(), nothing);
  void redis?.then((connection) => connection.close(), nothing);
}
