import { randomUUID } from 'node:crypto';
import { afterAll, afterEach, describe, expect, it, vi } from 'vitest';
import { startRedis } from '../../../../../test/support/services/redis.ts';
import { codesContract } from '../../hub/contracts/codes.ts';
import { openRedis } from '../redis/open-redis.ts';
import { systemClock } from '../system-clock.ts';
import { RedisCodes } from './redis-codes.ts';

const redis = await startRedis();
afterAll(() => redis.stop());
const opened: { close(): void }[] = [];
afterEach(() => {
  for (const one of opened.splice(0)) one.close();
});

async function codes({ prefix = `test-${randomUUID()}:`, kind = 'ticket', ttlMs = 30_000 } = {}): Promise<RedisCodes<string>> {
  const connection = await openRedis({ url: redis.url, prefix });
  opened.push(connection);
  return new RedisCodes<string>({ connection, clock: systemClock, kind, ttlMs });
}

codesContract('RedisCodes', () => codes());

describe('codes that processes share [S8, P1]', () => {
  it('are given by one and taken by another, once', async () => {
    const prefix = `test-${randomUUID()}:`;
    const [one, two] = [await codes({ prefix }), await codes({ prefix })];
    const { code } = await one.issue('car-a');
    expect(await Promise.all([one.redeem(code), two.redeem(code), two.redeem(code)]).then((all) => all.filter(Boolean))).toEqual(['car-a']);
  });

  it('are good for nothing else than what they were given for', async () => {
    const prefix = `test-${randomUUID()}:`;
    const [tickets, signIns] = [await codes({ prefix }), await codes({ prefix, kind: 'sign-in' })];
    const { code } = await tickets.issue('car-a');
    expect(await signIns.redeem(code)).toBeUndefined();
    expect(await tickets.redeem(code)).toBe('car-a');
  });

  it('are too old after their time', async () => {
    const short = await codes({ ttlMs: 30 });
    const { code, until } = await short.issue('car-a');
    await vi.waitFor(() => expect(Date.now()).toBeGreaterThan(until + 20));
    expect(await short.redeem(code)).toBeUndefined();
  });

  it('stand nowhere in Redis, nor does anything that leads back to them', async () => {
    const all = await codes();
    const { code } = await all.issue('car-a');
    const keys = await redis.client().keys('*');
    expect(keys.some((key) => key.includes(code))).toBe(false);
    expect(await all.redeem(code)).toBe('car-a');
  });

  it('are refused by name while Redis is away', async () => {
    const other = await startRedis();
    try {
      const connection = await openRedis({ url: other.url });
      opened.push(connection);
      const all = new RedisCodes<string>({ connection, clock: systemClock, kind: 'ticket', ttlMs: 1_000 });
      await other.kill('SIGKILL');
      await expect(all.issue('car-a')).rejects.toMatchObject({ code: 'storage_unavailable' });
      await expect(all.redeem('x')).rejects.toMatchObject({ code: 'storage_unavailable' });
    } finally {
      await other.stop();
    }
  });
});
