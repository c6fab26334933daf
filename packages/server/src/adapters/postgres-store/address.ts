import pg, { type ClientConfig } from 'pg';
import { StartupError } from '../../startup-error.ts';

/** Where a database is, and how to name it to people: without a password. */
export interface Address {
  readonly config: ClientConfig;
  readonly name: string;
}

/** Numbers up to 2^53 as numbers: no id or time here is larger. Of our own connections only. */
const types: NonNullable<ClientConfig['types']> = {
  getTypeParser: (oid: number, format?: 'text' | 'binary') => (oid === BIGINT ? Number : pg.types.getTypeParser(oid, format)),
};
const BIGINT = 20;

/**
 * Reads an address as Waycast and Python programs write it: `postgresql+asyncpg://` is `postgresql://`.
 * @param key of the configuration, for what is said about it
 * @throws StartupError when it is no such address
 */
export function addressOf(key: string, text: string): Address {
  const url = URL.parse(text.replace(/^(postgres(?:ql)?)\+[a-z0-9]+:/, '$1:'));
  if (url === null || !/^postgres(ql)?:$/.test(url.protocol) || url.pathname.length < 2) {
    throw new StartupError(`${key} is no PostgreSQL address: write it as postgresql://user:password@host:5432/database`);
  }
  return {
    config: { connectionString: url.href, types, keepAlive: true, keepAliveInitialDelayMillis: 10_000, application_name: 'waycast' },
    name: `${url.hostname === '' ? 'localhost' : url.hostname}:${url.port === '' ? '5432' : url.port}${url.pathname}`,
  };
}
