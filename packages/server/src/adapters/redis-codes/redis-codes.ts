import { createHash, randomBytes } from 'node:crypto';
import { WaycastError } from '@waycast/protocol';
import type { Clock, Codes } from '../../hub/ports.ts';
import type { RedisReply } from '../redis/link.ts';
import type { RedisArgs, RedisConnection } from '../redis/redis-connection.ts';

export interface RedisCodesParts {
  readonly connection: RedisConnection;
  readonly clock: Clock;
  /** What they are for: codes of one kind are good for nothing else. */
  readonly kind: string;
  readonly ttlMs: number;
}

/** One-time codes that any process may give and any other may take. Redis has their hashes only: who reads it gets in nowhere. */
export class RedisCodes<T> implements Codes<T> {
  readonly #parts: RedisCodesParts;

  constructor(parts: RedisCodesParts) {
    this.#parts = parts;
  }

  async issue(value: T): Promise<{ code: string; until: number }> {
    const { clock, ttlMs } = this.#parts;
    const code = randomBytes(24).toString('base64url');
    const until = clock.now() + ttlMs;
    await this.#run(code, (key) => ['SET', key, JSON.stringify(value), 'PX', ttlMs]);
    return { code, until };
  }

  async redeem(code: string): Promise<T | undefined> {
    const found = await this.#run(code, (key) => ['GETDEL', key]);
    return typeof found === 'string' ? (JSON.parse(found) as T) : undefined;
  }

  /** @throws WaycastError `storage_unavailable` while Redis is away */
  async #run(code: string, call: (key: string) => RedisArgs): Promise<RedisReply> {
    const { connection, kind } = this.#parts;
    const key = `${connection.prefix}code:${kind}:${createHash('sha256').update(code).digest('base64url')}`;
    const [answer = null] = await connection.run([{ key, args: call(key) }]);
    if (answer instanceof Error) throw new WaycastError('storage_unavailable', 'codes cannot be given or taken now', { retryAfter: 2 });
    return answer;
  }
}
