import { openRedis } from '../adapters/redis/open-redis.ts';
import type { RedisConnection } from '../adapters/redis/redis-connection.ts';
import { prefixOf } from '../adapters/redis/redis-url.ts';
import { RedisCodes } from '../adapters/redis-codes/redis-codes.ts';
import { openLive } from '../adapters/redis-live/open-live.ts';
import { RedisLog } from '../adapters/redis-log/redis-log.ts';
import { RedisMirror } from '../adapters/redis-mirror/redis-mirror.ts';
import { RedisPresence } from '../adapters/redis-presence/redis-presence.ts';
import { systemClock } from '../adapters/system-clock.ts';
import { driverKeys, driverMirror } from '../dialects/hybrid/mirror.ts';
import { rideKeys, rideMirror } from '../dialects/rideshare/mirror.ts';
import { type Foundation, type Ground, SIGN_IN_MS, TICKET_MS } from './foundation.ts';
import { type DatabaseSettings, historyOf, openStore, ownershipBy } from './on-postgres.ts';

export interface DistributedSettings extends DatabaseSettings {
  readonly redisUrl: string;
  readonly redisPassword: string | undefined;
}

/**
 * One of any number of processes: what they share is in PostgreSQL for good, and in Redis on its way.
 * @throws StartupError
 */
export async function distributed(settings: DistributedSettings, ground: Ground): Promise<Foundation> {
  const { info, warn, error } = ground;
  const connection = await openRedis({
    url: settings.redisUrl,
    password: settings.redisPassword,
    prefix: prefixOf(settings.redisUrl),
    onHealth: ({ ok, problem }) => {
      if (ok) info('Redis is back');
      else
        error('Redis cannot be reached: nothing new is taken until it is back; what was not stored is sent again by its senders', problem);
    },
    warn: (message) => warn(message, null),
  });
  try {
    return await onRedis(connection, settings, ground);
  } catch (error) {
    connection.close();
    throw error;
  }
}

async function onRedis(connection: RedisConnection, settings: DistributedSettings, ground: Ground): Promise<Foundation> {
  const store = await openStore(settings, ground);
  const home = store.process;
  const live = await openLive({ connection, clock: systemClock, home, warn: ground.warn });
  const log = new RedisLog({ connection, warn: ground.warn, info: ground.info });
  const presence = new RedisPresence({ connection });
  const mirror = new RedisMirror({
    connection,
    encode: (published, trip) => [...rideMirror(published, trip), ...driverMirror(published)],
    keys: (whom) => ('driverId' in whom ? driverKeys(whom.driverId) : rideKeys(whom.tripId)),
    warn: ground.warn,
  });
  return {
    home,
    ownership: ownershipBy(settings, store, false, ground),
    log,
    hot: live.hot,
    bus: live.bus,
    presence,
    mirror,
    store,
    outbox: store.outbox,
    ...historyOf(settings),
    eraser: store.eraser,
    tickets: new RedisCodes({ connection, clock: systemClock, kind: 'ticket', ttlMs: TICKET_MS }),
    signIns: new RedisCodes({ connection, clock: systemClock, kind: 'sign-in', ttlMs: SIGN_IN_MS }),
    redis: () => (connection.health().ok ? 'ok' : 'unreachable'),
    close: async () => {
      await log.shut();
      await live.close();
      await presence.close();
      await mirror.close();
      connection.close();
      await store.close();
    },
  };
}
