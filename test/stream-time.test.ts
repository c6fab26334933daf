import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inSeconds, jwt } from './support/jwt.ts';
import { dial } from './support/peer.ts';
import { CENTRE, PAST } from './support/places.ts';
import { caller } from './support/rest.ts';
import { startServer, type TestServer } from './support/server.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startServer({ env: { LOCATION_UPDATE_RATE_LIMIT: '0' } });
});

afterAll(() => server.stop());

// Side by side: each waits for a clock of the server's own.
describe.concurrent('what takes its time', () => {
  it('a heartbeat comes every 15 s and lists where the feeds stand [O4]', async () => {
    const service = caller(server, await server.token('service'));
    const peer = await dial(server, { token: await server.token('admin') });
    const began = performance.now();
    await service.post('/v1/drivers/beat/locations', { ...CENTRE, timestamp: PAST });
    await peer.ask({ type: 'subscribe', feed: 'driver:beat' });
    await peer.ask({ type: 'subscribe', feed: 'driver:unheard' });
    await service.post('/v1/drivers/beat/locations', { ...CENTRE, timestamp: PAST + 1_000 });
    const { epoch, seq } = await peer.next('location');
    const beat = await peer.next('heartbeat', undefined, 17_000);
    expect(beat.feeds.find((feed) => feed.feed === 'driver:beat')).toEqual({ feed: 'driver:beat', epoch, seq });
    expect(Math.abs(Date.parse(beat.at) - Date.now())).toBeLessThan(1_000);
    expect(performance.now() - began).toBeLessThan(16_500);
    await peer.next('heartbeat', undefined, 16_500);
    await peer.close();
  });

  it('a socket without a token is closed after 5 s, 4401, whatever it sends meanwhile [L6]', async () => {
    const peer = await dial(server);
    const began = performance.now();
    const talk = setInterval(() => peer.socket.ping(), 500);
    const { code } = await peer.closed;
    clearInterval(talk);
    expect(code).toBe(4401);
    expect(peer.all('error').at(-1)?.code).toBe('auth_timeout');
    expect(performance.now() - began).toBeGreaterThan(4_500);
    expect(performance.now() - began).toBeLessThan(8_000);
  });

  it('a socket whose token ended is closed within 30 s, 4401; one that was refreshed goes on [L6]', async () => {
    const exp = inSeconds(2);
    const token = (sub: string) => jwt({ sub, role: 'driver', exp });
    const [ends, stays] = [await dial(server, { token: token('ends') }), await dial(server, { token: token('stays') })];
    expect(await stays.ask({ type: 'auth', token: jwt({ sub: 'stays', role: 'driver' }) })).toMatchObject({ type: 'welcome' });
    const { code } = await ends.closed;
    expect(Date.now()).toBeGreaterThanOrEqual(exp * 1000);
    expect(Date.now()).toBeLessThan(exp * 1000 + 30_500);
    expect(code).toBe(4401);
    expect(ends.all('error').at(-1)?.code).toBe('token_expired');
    expect(await stays.ask({ type: 'ping' })).toMatchObject({ type: 'pong' });
    await stays.close();
  });

  it('a quiet socket is pinged within 30 s or a little [L7]', async () => {
    const peer = await dial(server, { token: await server.token('driver', 'quiet') });
    const began = performance.now();
    await new Promise((resolve) => peer.socket.once('ping', resolve));
    expect(performance.now() - began).toBeLessThan(45_000);
    expect(await peer.ask({ type: 'ping' })).toMatchObject({ type: 'pong' });
    await peer.close();
  });
});
