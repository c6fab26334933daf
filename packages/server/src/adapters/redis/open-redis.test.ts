import { createServer } from 'node:net';
import { afterAll, afterEach, describe, expect, it } from 'vitest';
import { stablePort } from '../../../../../test/support/port.ts';
import { startRedis } from '../../../../../test/support/services/redis.ts';
import { until } from '../../../../../test/support/until.ts';
import { keySlot } from './key-slot.ts';
import { RedisGone } from './link.ts';
import { openRedis } from './open-redis.ts';
import type { RedisConnection, RedisHealth } from './redis-connection.ts';

const redis = await startRedis({ args: ['--requirepass', 'open-sesame', '--maxmemory', '200mb', '--maxmemory-policy', 'allkeys-lru'] });
afterAll(() => redis.stop());
const opened: (() => void)[] = [];
afterEach(() => {
  for (const close of opened.splice(0)) close();
});

async function open(options: Parameters<typeof openRedis>[0]): Promise<RedisConnection> {
  const connection = await openRedis(options);
  opened.push(() => connection.close());
  return connection;
}

/** Something that speaks the protocol, and says it is an older Redis. */
async function olderRedis(version: string): Promise<number> {
  const info = `# Server\r\nredis_version:${version}\r\n`;
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.on('data', (data) => {
      for (const line of data.toString().split('\r\n')) {
        if (line.toLowerCase() === 'info') socket.write(`$${info.length}\r\n${info}\r\n`);
        else if (/^(client|ping)$/i.test(line)) socket.write('+OK\r\n');
      }
    });
  });
  const port = await stablePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  opened.push(() => server.close());
  return port;
}

describe('the start stops in one line that says what to do [P12]', () => {
  it('when nobody is there', async () => {
    const port = await stablePort();
    await expect(openRedis({ url: `redis://127.0.0.1:${port}`, withinMs: 500 })).rejects.toThrow(
      /^REDIS_URL: Redis cannot be reached; start it, or correct the address \(.*ECONNREFUSED.*\)$/,
    );
  });

  it('when a password is missing or wrong', async () => {
    await expect(openRedis({ url: redis.url, withinMs: 1_000 })).rejects.toThrow(/^REDIS_URL: Redis wants a password; set REDIS_PASSWORD/);
    const wrong = openRedis({ url: redis.url, password: 'guess', withinMs: 1_000 });
    await expect(wrong).rejects.toThrow(/^REDIS_URL: Redis refuses the user or the password/);
    await expect(wrong).rejects.not.toThrow(/guess/);
  });

  it('when the user lacks a right that is needed, on commands, keys or channels', async () => {
    const own = await startRedis();
    opened.push(() => void own.stop());
    const url = own.url.replace('//', '//limited:pw@');
    const starts = async (): Promise<unknown> => {
      const connection = await openRedis({ url });
      connection.close();
      return 'started';
    };
    const all = ['~*', '&*', '+@all'];
    for (const [lacks, says] of [
      [['-@dangerous'], /lacks rights.*\(NOPERM .*'info'/],
      [['-client|unblock'], /lacks rights.*\(NOPERM .*'client\|unblock'/],
      [['-subscribe'], /lacks rights.*\(NOPERM .*'subscribe'/],
      [['-eval'], /lacks rights.*\(NOPERM .*'eval'/],
      [['resetchannels'], /lacks rights.*\(NOPERM .*channels/],
      [['resetkeys', '~other:*'], /lacks rights.*\(NOPERM .*keys/],
    ] as const) {
      await own.client().call('ACL', 'SETUSER', 'limited', 'reset', 'on', '>pw', ...all, ...lacks);
      await expect(starts(), lacks.join(' ')).rejects.toThrow(says);
      await expect(starts()).rejects.toThrow(/^REDIS_URL: [^\n]*ACL SETUSER[^\n]*$/);
    }
    await own.client().call('ACL', 'SETUSER', 'limited', 'reset', 'on', '>pw', ...all);
    expect(await starts()).toBe('started');
    expect(await own.client().dbsize(), 'nothing stays of trying').toBe(0);
  });

  it('when the address leads to a replica', async () => {
    const replica = await startRedis();
    opened.push(() => void replica.stop());
    await replica.client().replicaof('127.0.0.1', await stablePort());
    await expect(openRedis({ url: replica.url, withinMs: 1_000 })).rejects.toThrow(
      /^REDIS_URL leads to a replica; name its master \(.*\)$/,
    );
  });

  it('when it is too old', async () => {
    const port = await olderRedis('6.2.14');
    await expect(openRedis({ url: `redis://127.0.0.1:${port}`, withinMs: 2_000 })).rejects.toThrow(
      /^REDIS_URL: this is Redis 6.2.14; Waycast needs Redis 7/,
    );
  });

  it('when it hangs', async () => {
    const own = await startRedis();
    opened.push(() => void own.stop());
    await own.kill('SIGSTOP');
    await expect(openRedis({ url: own.url, withinMs: 1_000 })).rejects.toThrow(/^REDIS_URL: Redis cannot be reached/);
  });

  it('when several nodes are no Cluster', async () => {
    const own = await startRedis();
    opened.push(() => void own.stop());
    await expect(openRedis({ url: `${own.url},127.0.0.1:${own.port}` })).rejects.toThrow(/^REDIS_URL names several nodes/);
  });
});

describe('a connection', () => {
  it('warns of a Redis that throws keys away, and works all the same', async () => {
    const warned: string[] = [];
    const connection = await open({ url: redis.url, password: 'open-sesame', warn: (message) => warned.push(message) });
    expect(warned).toEqual([expect.stringMatching(/allkeys-lru.*fixes not yet stored: set maxmemory-policy noeviction$/)]);
    const answers = await connection.run([
      { key: 'a', args: ['SET', 'a', 'Ü'] },
      { key: 'a', args: ['INCR', 'a'] },
      { key: 'a', args: ['GET', 'a'] },
    ]);
    expect(answers).toEqual(['OK', expect.objectContaining({ message: expect.stringMatching(/not an integer/) }), 'Ü']);
  });

  it.each([
    ['volatile-ttl', [expect.stringMatching(/volatile-ttl.*positions that other processes show: set maxmemory-policy noeviction$/)]],
    ['noeviction', []],
  ])('of a Redis with maxmemory-policy %s it warns just of what that may do', async (policy, expected) => {
    const own = await startRedis({ args: ['--maxmemory-policy', policy] });
    opened.push(() => void own.stop());
    const warned: string[] = [];
    await open({ url: own.url, warn: (message) => warned.push(message) });
    expect(warned).toEqual(expected);
  });

  it('tells when Redis goes and is back, and answers at once meanwhile', async () => {
    const own = await startRedis({ aof: true });
    opened.push(() => void own.stop());
    const health: RedisHealth[] = [];
    const connection = await open({ url: own.url, onHealth: (now) => health.push(now) });
    await own.kill('SIGKILL');
    await until(
      () => health.length,
      (count) => count === 1,
    );
    expect(health[0]).toEqual({ ok: false, problem: expect.stringMatching(/127\.0\.0\.1/) });
    const [gone] = await connection.run([{ key: 'a', args: ['GET', 'a'] }]);
    expect(gone).toBeInstanceOf(RedisGone);
    expect(gone).toMatchObject({ sent: false });
    await own.start();
    const began = performance.now();
    await until(
      () => health.length,
      (count) => count === 2,
    );
    expect(health[1]).toEqual({ ok: true, problem: null });
    expect(performance.now() - began).toBeLessThan(2_000);
    expect(await connection.run([{ key: 'a', args: ['PING'] }])).toEqual(['PONG']);
  });

  it('notices one that hangs, and what it had sent may have been done', async () => {
    const own = await startRedis();
    opened.push(() => void own.stop());
    const connection = await open({ url: own.url });
    await own.kill('SIGSTOP');
    const began = performance.now();
    const [gone] = await connection.run([{ key: 'a', args: ['INCR', 'a'] }]);
    expect(gone).toMatchObject({ sent: true });
    expect(performance.now() - began).toBeLessThan(5_000);
    await until(
      () => connection.health().problem,
      (problem) => problem !== null && /nothing for 3 s/.test(problem),
    );
    await own.kill('SIGCONT');
    await until(
      () => connection.health().ok,
      (ok) => ok,
    );
  });
});

it('slots are those of the Cluster specification', () => {
  expect(keySlot('123456789')).toBe(0x31c3);
  expect(keySlot('waycast:{log.17}')).toBe(keySlot('log.17'));
  expect(keySlot('{}{a}')).not.toBe(keySlot('a'));
});
