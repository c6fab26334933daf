import { StartupError } from '../../startup-error.ts';

/** Where Redis is, as REDIS_URL and REDIS_PASSWORD say. Several nodes are a Cluster. */
export interface RedisTarget {
  readonly nodes: readonly { readonly host: string; readonly port: number }[];
  readonly tls: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly db: number;
}

const HOW = 'write it as redis://[:password@]host:port/db, rediss://... for TLS, or several nodes of a Cluster with commas between';

/**
 * @param password REDIS_PASSWORD; one in the URL goes before it
 * @throws StartupError when it cannot be understood
 */
export function parseRedisUrl(text: string, password: string | undefined): RedisTarget {
  const urls = text.split(',').map((part) => urlOf(part.trim()));
  const first = urls[0] as URL;
  if (urls.some((url) => url.protocol !== first.protocol)) throw new StartupError(`REDIS_URL: some nodes have TLS and some do not; ${HOW}`);
  const db = first.pathname === '' || first.pathname === '/' ? 0 : Number(first.pathname.slice(1));
  if (!Number.isInteger(db) || db < 0) throw new StartupError(`REDIS_URL: the database is a number; ${HOW}`);
  if (db !== 0 && urls.length > 1) throw new StartupError('REDIS_URL: a Cluster has database 0 only; leave the number out');
  const given = urls.find((url) => url.password !== '') ?? first;
  return {
    nodes: urls.map((url) => ({ host: url.hostname.replace(/^\[|\]$/g, ''), port: url.port === '' ? 6379 : Number(url.port) })),
    tls: first.protocol === 'rediss:',
    username: given.username === '' ? undefined : decodeURIComponent(given.username),
    password: given.password === '' ? password : decodeURIComponent(given.password),
    db,
  };
}

function urlOf(part: string): URL {
  // Nodes after the first are often written without a scheme.
  const text = /^[a-z]+:\/\//i.test(part) ? part : `redis://${part}`;
  const url = URL.canParse(text) ? new URL(text) : null;
  if (part === '' || url === null || !/^rediss?:$/.test(url.protocol) || url.hostname === '') {
    throw new StartupError(`REDIS_URL is not understood; ${HOW}`);
  }
  return url;
}

/** Channels know no databases: fleets on different ones of a Redis are told apart by name. */
export function prefixOf(redisUrl: string): string {
  const database = /^rediss?:\/\/[^/,]+\/(\d+)/.exec(redisUrl)?.[1] ?? '0';
  return database === '0' ? 'waycast:' : `waycast:${database}:`;
}
