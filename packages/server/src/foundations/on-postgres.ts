import { PostgresOwnership } from '../adapters/postgres-ownership/postgres-ownership.ts';
import { addressOf } from '../adapters/postgres-store/address.ts';
import { openPostgresStore, type PostgresStore } from '../adapters/postgres-store/store.ts';
import { inOneProcess } from './embedded.ts';
import type { Foundation, Ground } from './foundation.ts';

export interface DatabaseSettings {
  readonly databaseUrl: string;
  readonly databaseReadUrl: string | undefined;
  readonly dbPoolMax: number;
  readonly dbPoolIdleMs: number;
  readonly dbConnectTimeoutMs: number;
}

/**
 * One process on PostgreSQL; a second one is refused.
 * @throws StartupError
 */
export async function onPostgres(settings: DatabaseSettings, ground: Ground): Promise<Foundation> {
  const store = await openStore(settings, ground);
  return { ...inOneProcess(store, ownershipBy(settings, store, true, ground)), ...historyOf(settings) };
}

/** Partitions are dropped by whoever asks PostgreSQL for it. */
export function historyOf({ databaseUrl: url }: DatabaseSettings): Pick<Foundation, 'history' | 'drops'> {
  return { history: { kind: 'postgres', url }, drops: null };
}

export function openStore(settings: DatabaseSettings, { storeHealth }: Ground): Promise<PostgresStore> {
  return openPostgresStore({
    url: settings.databaseUrl,
    readUrl: settings.databaseReadUrl,
    max: settings.dbPoolMax,
    idleMs: settings.dbPoolIdleMs,
    connectMs: settings.dbConnectTimeoutMs,
    // Who lives is known once it is settled who owns what.
    living: null,
    onHealth: storeHealth,
  });
}

export function ownershipBy(
  { databaseUrl, dbConnectTimeoutMs }: DatabaseSettings,
  store: PostgresStore,
  alone: boolean,
  { info, warn, fatal }: Ground,
): PostgresOwnership {
  const { config, name } = addressOf('DATABASE_URL', databaseUrl);
  return new PostgresOwnership({
    config: { ...config, connectionTimeoutMillis: dbConnectTimeoutMs },
    where: name,
    home: store.process,
    alone,
    departed: (members) => store.departed(members),
    info,
    warn,
    fatal,
  });
}
