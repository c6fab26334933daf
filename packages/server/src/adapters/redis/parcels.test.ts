import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { startRedis } from '../../../../../test/support/services/redis.ts';
import type { RedisArgs } from './link.ts';
import { openRedis } from './open-redis.ts';

const redis = await startRedis();
const connection = await openRedis({ url: redis.url });
afterAll(async () => {
  connection.close();
  await redis.stop();
});

const key = fc.constantFrom('a', 'b', 'c');
const text = fc.string({ unit: 'binary', maxLength: 20 });
const call: fc.Arbitrary<RedisArgs> = fc.oneof(
  fc.tuple(key, text).map(([at, value]): RedisArgs => ['SET', at, value, 'EX', 100]),
  fc.tuple(key, text, fc.constantFrom('XX', 'NX', 'GET', 'odd')).map(([at, value, how]): RedisArgs => ['SET', at, value, how]),
  fc.tuple(key, text).map(([at, value]): RedisArgs => ['SET', at, value]),
  fc.tuple(key, fc.array(text, { minLength: 1, maxLength: 4 })).map(([at, values]): RedisArgs => ['RPUSH', at, ...values]),
  fc.tuple(key, fc.integer({ min: -9, max: 0 })).map(([at, from]): RedisArgs => ['LTRIM', at, from, -1]),
  key.map((at): RedisArgs => ['DEL', at]),
  key.map((at): RedisArgs => ['EVAL', "return redis.call('DEL', KEYS[1])", 1, at]),
  key.map((at): RedisArgs => ['PUBLISH', at, 'hello']),
  key.map((at): RedisArgs => ['MGET', at, 'none', at]),
  key.map((at): RedisArgs => ['GET', at]),
  key.map((at): RedisArgs => ['XADD', `${at}s`, '1-1', 'c', 'x']),
);

async function contents(): Promise<unknown> {
  const read = async (at: string) => {
    const type = await redis.client().type(at);
    return type === 'list' ? redis.client().lrange(at, 0, -1) : redis.client().get(at);
  };
  return await Promise.all(['a', 'b', 'c'].map(read));
}

describe('writes that travel together', () => {
  it('do and answer what they would one by one, refusals included', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(call, { maxLength: 40 }), async (calls) => {
        const sent = calls.map((args) => ({ key: String(args[1]), args }));
        await redis.client().flushall();
        const alone = await connection.run(sent);
        const after = await contents();
        await redis.client().flushall();
        const together = await connection.write(sent);
        expect(await contents()).toEqual(after);
        const answers = (replies: readonly unknown[]) =>
          replies.map((reply) => (reply instanceof Error ? `refused: ${reply.message.split(' ')[0]}` : reply));
        expect(answers(together)).toEqual(answers(alone));
      }),
      { numRuns: 200 },
    );
  });

  it('of thousands are all done, with large values and many words too', async () => {
    const calls = Array.from({ length: 3_000 }, (_, n) => ({
      key: `k${n}`,
      args: ['SET', `k${n}`, 'x'.repeat(n), 'EX', 100] as RedisArgs,
    }));
    calls.push({ key: 'l', args: ['RPUSH', 'l', ...Array.from({ length: 5_000 }, String)] });
    expect((await connection.write(calls)).filter((reply) => reply instanceof Error)).toEqual([]);
    expect(await redis.client().strlen('k2999')).toBe(2_999);
    expect(await redis.client().llen('l')).toBe(5_000);
  });

  it('that take memory are refused by a Redis that is full, whatever goes through before and between them', async () => {
    const full = await startRedis();
    const own = await openRedis({ url: full.url });
    await full.client().rpush('l', ...Array.from({ length: 100 }, String));
    await full.client().config('SET', 'maxmemory', '1');
    const args: RedisArgs[] = [
      ['LTRIM', 'l', 1, -1],
      ['DEL', 'none'],
    ];
    for (let n = 0; n < 20; n++) args.push(['SET', `k${n}`, 'v'], ['RPUSH', 'l', 'x'], ['LTRIM', 'l', 1, -1], ['EXPIRE', 'l', 100]);
    const replies = await own.write(args.map((one) => ({ key: String(one[1]), args: one })));
    const refused = args.filter((_, i) => replies[i] instanceof Error);
    expect(refused).toEqual(args.filter(([name]) => name === 'SET' || name === 'RPUSH'));
    own.close();
    await full.stop();
  });

  it('are each said to be gone when Redis is', async () => {
    const other = await startRedis();
    const cut = await openRedis({ url: other.url });
    await other.stop();
    const replies = await cut.write(Array.from({ length: 10 }, (_, n) => ({ key: `k${n}`, args: ['SET', `k${n}`, 'v'] })));
    expect(replies.map((reply) => (reply as Error).name)).toEqual(Array(10).fill('RedisGone'));
    cut.close();
  });
});
