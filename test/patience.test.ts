import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { ConnectionList } from '../packages/protocol/src/index.ts';
import { RideStatus } from '../packages/server/src/dialects/rideshare/messages.ts';
import { type FleetScene, fleetScene, place } from './support/fleet-scene.ts';
import { inSeconds, jwt } from './support/jwt.ts';
import { dial } from './support/peer.ts';
import { CENTRE, PAST, unique } from './support/places.ts';
import { startProxy } from './support/proxy.ts';
import { caller } from './support/rest.ts';
import { createRide, dialRide, oldToken, openPath, ridePath } from './support/rideshare.ts';
import { startServer, type TestServer } from './support/server.ts';
import { until } from './support/until.ts';

/*
 * How long the server waits: for a token, for a sign of life, for who takes nothing. All side by side, whatever the contract,
 * as each of these waits for a clock of the server's own.
 */
const TIMEOUT_MS = 90_000;

let server: TestServer;
let scene: FleetScene;

beforeAll(async () => {
  server = await startServer({ env: { REST_RATE_LIMIT_PER_MINUTE: '1000000', LOCATION_UPDATE_RATE_LIMIT: '0' } });
  scene = await fleetScene(server);
});

afterAll(() => server.stop());

describe.concurrent('on the stream', () => {
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

const statusOf = async (ride: string, user: string) =>
  (await caller(server, oldToken(user)).get(`/api/v1/tracking/ride/${ride}/status`)).as(RideStatus);

describe.concurrent('of a ride', () => {
  it(
    'a passenger that is cut off is counted no more at once, one whose line is dead within 45 s; so is such a driver [R11 R12 L7]',
    async () => {
      const [ride, dan, pia] = [unique('ride'), unique('dan'), unique('pia')];
      await createRide(server, ride, dan, [{ id: 'b', passenger: pia }]);
      const line = await startProxy(server.port);
      const stays = await dialRide(server, ride, 'passenger', pia);
      const cut = await dialRide(server, ride, 'passenger', pia);
      await openPath(line.url, ridePath(ride, 'passenger', oldToken(pia)));
      await openPath(line.url, ridePath(ride, 'driver', oldToken(dan)));
      expect(await statusOf(ride, pia)).toMatchObject({ passengers_connected: 3, driver_connected: true });
      line.freeze();
      cut.socket.terminate();
      await until(
        async () => (await statusOf(ride, pia)).passengers_connected,
        (count) => count === 2,
        5_000,
      );
      await stays.next('driver_status');
      expect(await stays.next('driver_status', 50_000)).toMatchObject({ driver_connected: false });
      await until(
        async () => (await statusOf(ride, pia)).passengers_connected,
        (count) => count === 1,
        5_000,
      );
      expect(stays.isOpen, 'it answers pings, and says nothing else').toBe(true);
      await line.close();
    },
    TIMEOUT_MS,
  );
});

async function isOpen(subject: string): Promise<boolean> {
  const admin = caller(server, await server.token('admin'));
  return (await admin.get(`/v1/connections?subject=${subject}&open=true`)).as(ConnectionList).connections.length > 0;
}

/** Signs in by hand over polling, and polls no more. */
async function pollOnce(token: string): Promise<void> {
  const path = `${server.url}/socket.io/?EIO=4&transport=polling`;
  const { sid } = JSON.parse((await (await fetch(path)).text()).slice(1)) as { sid: string };
  await fetch(`${path}&sid=${sid}`, { method: 'POST', body: `40${JSON.stringify({ token })}` });
  expect(await (await fetch(`${path}&sid=${sid}`)).text()).toContain('40{');
}

/** Signs in by hand over WebSocket, and answers no ping. */
async function deaf(token: string): Promise<WebSocket> {
  const ws = new WebSocket(`${server.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`);
  await new Promise((resolve) => ws.once('open', resolve));
  ws.send(`40${JSON.stringify({ token })}`);
  return ws;
}

/** Answers no ping; nor does the other one poll any more. */
async function showNoLife(): Promise<void> {
  const since = performance.now();
  const ws = await deaf(await server.token('driver', 'deaf'));
  await pollOnce(await server.token('driver', 'gone'));
  await until(
    () => isOpen('gone'),
    (open) => open,
  );
  const ended = async (subject: string) => {
    await until(
      () => isOpen(subject),
      (open) => !open,
      60_000,
    );
    return (performance.now() - since) / 1000;
  };
  for (const seconds of await Promise.all([ended('deaf'), ended('gone')])) {
    expect(seconds).toBeGreaterThan(35);
    expect(seconds).toBeLessThan(60);
  }
  ws.terminate();
}

/** Reads nothing while more comes than may wait. */
async function takeNothing(): Promise<void> {
  const trips = await Promise.all(Array.from({ length: 20 }, () => scene.trip('busy', 'stuck')));
  const car = await scene.driver('busy', { transport: 'websocket' });
  const stuck = await scene.rider('stuck', { transport: 'websocket' });
  for (const tripId of trips) await stuck.ask('rider:subscribe', { driverId: 'busy', tripId });
  (stuck.socket.io.engine.transport as unknown as { ws: { _socket: { pause(): void } } }).ws._socket.pause();
  const since = performance.now();
  for (let n = 0; n < 1_600; n += 4) {
    for (let k = 0; k < 3; k++) car.emit('driver:location', place((n + k) % 90));
    await car.ask('driver:location', place((n + 3) % 90));
  }
  await until(
    () => isOpen('stuck'),
    (open) => !open,
    60_000,
  );
  const seconds = (performance.now() - since) / 1000;
  expect(seconds).toBeGreaterThan(29);
  expect(seconds).toBeLessThan(60);
}

describe.concurrent('of a fleet', () => {
  it(
    'who shows no life is ended after 45 s, who takes nothing while more waits after 30 s; others are kept [K13 L7]',
    async () => {
      const [alive, polling] = [await scene.driver('alive'), await scene.rider('polling', { transport: 'polling' })];
      // Side by side: each waits for a clock of the server's own.
      await Promise.all([showNoLife(), takeNothing()]);
      expect(await alive.ask('driver:location', place(0))).toMatchObject({ ok: true });
      expect(polling.socket.connected).toBe(true);
    },
    TIMEOUT_MS,
  );
});
