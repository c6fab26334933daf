import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { connect, transportOf } from '../support/fleet-client.ts';
import { stablePort } from '../support/port.ts';
import { caller } from '../support/rest.ts';
import { startProcess, type TestServer } from '../support/server-process.ts';
import { asDatabase } from '../support/services/as-database.ts';
import { newDatabase, type TestDatabase } from '../support/services/postgres.ts';
import { startRedis, type TestRedis } from '../support/services/redis.ts';

let database: TestDatabase;
let redis: TestRedis;
let server: TestServer;
let metrics: number;
beforeAll(async () => {
  [database, redis, metrics] = await Promise.all([newDatabase(), startRedis(), stablePort()]);
  const env = { DATABASE_URL: database.url, REDIS_URL: redis.url, METRICS_PORT: String(metrics) };
  server = await startProcess({ env, args: ['--workers', '2'] });
  await workers(2);
});
afterAll(async () => {
  await server?.kill();
  await Promise.all([database?.drop(), redis?.stop()]);
});

/** The system's numbers of the workers there are, as they say in the database, once there are so many. */
async function workers(count: number): Promise<number[]> {
  let found: number[] = [];
  await vi.waitFor(
    async () => {
      const rows = await asDatabase<{ name: string }>(
        database.url,
        'SELECT p.name FROM process p JOIN pg_stat_activity a ON a.pid = p.session',
      );
      found = rows.map(({ name }) => Number(/^process (\d+) on /.exec(name)?.[1])).sort();
      expect(found).toHaveLength(count);
    },
    { timeout: 20_000, interval: 50 },
  );
  return found;
}

describe('--workers', () => {
  it('serve one fleet on one port, and print one address to sign in by [P1]', async () => {
    await vi.waitFor(() => expect(server.output().match(/#signin=/g)).toHaveLength(1));
    const api = caller(server, await server.token('admin'));
    for (let i = 0; i < 6; i++)
      expect(
        (await api.post('/v1/drivers/car-1/locations', { lat: 44.5, lng: 11.3 + i / 1e4, timestamp: Date.now() - 6_000 + i * 1_000 }))
          .status,
      ).toBe(200);
    const from = new Date(Date.now() - 60_000).toISOString();
    const page = (await api.get(`/v1/drivers/car-1/locations?from=${from}`)).json() as { locations: unknown[] };
    expect(page.locations).toHaveLength(6);
  });

  it('find the session of a client that polls, whichever of them its requests come to [K1, P1]', async () => {
    const token = await server.token('driver', 'car-2');
    // Each on connections of its own: they are handed out in turns.
    const clients = await Promise.all(
      Array.from({ length: 30 }, async (_, n) => connect(server.url, await server.token('driver', `poll-${n}`), { transport: 'polling' })),
    );
    for (let k = 0; k < 10; k++) {
      const answers = clients.map((one) => one.ask('driver:online', { available: k % 2 === 0 }));
      for (const answer of await Promise.all(answers)) expect(answer).toMatchObject({ ok: true, stored: true });
    }
    const upgraded = await connect(server.url, token, { transport: 'upgrade' });
    await vi.waitFor(() => expect(transportOf(upgraded)).toBe('websocket'));
    expect(await upgraded.ask('driver:location', { latitude: 44.5, longitude: 11.3 })).toMatchObject({ ok: true, stored: true });
  });

  it('are measured together, on METRICS_PORT', async () => {
    const api = caller(server, await server.token('service'));
    for (let i = 0; i < 8; i++)
      expect((await api.post(`/v1/drivers/many-${i}/locations`, { lat: 44.5, lng: 11.3, timestamp: Date.now() })).status).toBe(200);
    const text = await (await fetch(`http://127.0.0.1:${metrics}/metrics`)).text();
    expect(Number(/^location_updates_total (\d+)$/m.exec(text)?.[1])).toBeGreaterThanOrEqual(8);
  });

  it('are replaced when they die', async () => {
    const before = await workers(2);
    process.kill(before[0] as number, 'SIGKILL');
    await vi.waitFor(
      async () => {
        const now = await workers(2);
        expect(now).not.toEqual(before);
      },
      { timeout: 20_000, interval: 50 },
    );
    expect((await caller(server).get('/health/live')).status).toBe(200);
  });

  it('are replaced one after the other at SIGHUP, and nobody finds the door closed [P4]', async () => {
    const before = await workers(2);
    let done = false;
    const refused: unknown[] = [];
    const knocking = (async () => {
      // Each on a connection of its own: one that is kept may be closed by its server while a request is on its way.
      while (!done)
        await fetch(`${server.url}/health/live`, { headers: { connection: 'close' } }).catch((error: unknown) => refused.push(error));
    })();
    process.kill(server.pid, 'SIGHUP');
    await vi.waitFor(() => expect(server.output()).toContain('all workers are replaced'), { timeout: 40_000 });
    done = true;
    await knocking;
    const after = await workers(2);
    expect(after.filter((pid) => before.includes(pid))).toEqual([]);
    expect(refused).toEqual([]);
  });

  it('end in good order, all of them, at SIGTERM [P4]', async () => {
    expect(await server.stop()).toEqual({ code: 0 });
    await workers(0);
  });
});

describe('--workers without what they would share', () => {
  it('says what is missing, in one line', async () => {
    await expect(startProcess({ args: ['--workers', '2'] })).rejects.toThrow(/WORKERS needs REDIS_URL and DATABASE_URL/);
  });

  it('ends when its workers cannot begin', async () => {
    const env = { DATABASE_URL: 'postgresql://nobody@127.0.0.1:1/none', REDIS_URL: 'redis://127.0.0.1:1' };
    await expect(startProcess({ args: ['--workers', '2'], env })).rejects.toThrow(/the server ended with 1/);
  });
});
