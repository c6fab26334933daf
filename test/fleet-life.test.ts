import { describe, expect, it, onTestFinished } from 'vitest';
import { ConnectionList, LocationList } from '../packages/protocol/src/index.ts';
import { client, connect, type FleetClient, type Transport, transportOf } from './support/fleet-client.ts';
import { fleetScene, place } from './support/fleet-scene.ts';
import { dial } from './support/peer.ts';
import { unique } from './support/places.ts';
import { stablePort } from './support/port.ts';
import { caller } from './support/rest.ts';
import { startServer, type TestServer, tempDir } from './support/server.ts';
import { serverForTest } from './support/server-for-test.ts';
import { until } from './support/until.ts';

const FAST = { REST_RATE_LIMIT_PER_MINUTE: '1000000', LOCATION_UPDATE_RATE_LIMIT: '0' };
const WAYS: Transport[] = ['websocket', 'polling', 'upgrade'];

async function trail(server: TestServer, query = ''): Promise<ConnectionList['connections']> {
  const admin = caller(server, await server.token('admin'));
  return (await admin.get(`/v1/connections${query}`)).as(ConnectionList).connections;
}

describe('the audit trail', () => {
  it('has every socket: who, by what, how, since, until [K16]', async () => {
    const server = await serverForTest({ env: FAST });
    const began = Date.now() - 1_000;
    const polling = await connect(server.url, await server.token('driver', 'poll'), { transport: 'polling' });
    const direct = await connect(server.url, await server.token('driver', 'ws'), { transport: 'websocket' });
    const upgraded = await connect(server.url, await server.token('passenger', 'up'));
    const native = await dial(server, { token: await server.token('driver', 'native') });
    await until(
      () => transportOf(upgraded),
      (name) => name === 'websocket',
    );
    const kinds = async () =>
      Object.fromEntries((await trail(server, '?open=true')).map(({ subject, surface, kind }) => [subject, `${surface} ${kind}`]));
    const expected = { poll: 'socketio POLLING', ws: 'socketio WEBSOCKET', up: 'socketio WEBSOCKET', native: 'stream WEBSOCKET' };
    await until(kinds, (seen) => seen.up === expected.up);
    expect(await kinds()).toEqual(expected);
    for (const one of [polling, direct, upgraded]) one.close();
    await native.close();
    expect(
      await until(
        () => trail(server, '?open=true'),
        ({ length }) => length === 0,
      ),
    ).toEqual([]);
    const gone = await trail(server, '?open=false');
    expect(gone.map(({ subject, role }) => `${subject} ${role}`).toSorted()).toEqual([
      'native driver',
      'poll driver',
      'up passenger',
      'ws driver',
    ]);
    for (const { since, lastActivity, until: end } of gone) {
      expect(Date.parse(since)).toBeGreaterThan(began);
      expect(Date.parse(lastActivity)).toBeGreaterThanOrEqual(Date.parse(since));
      expect(Date.parse(end ?? '')).toBeGreaterThanOrEqual(Date.parse(lastActivity));
    }
    expect((await trail(server, '?subject=poll')).map(({ subject }) => subject)).toEqual(['poll']);
    const admin = caller(server, await server.token('admin'));
    const first = (await admin.get('/v1/connections?limit=3')).as(ConnectionList);
    const second = (await admin.get(`/v1/connections?limit=3&cursor=${first.cursor}`)).as(ConnectionList);
    expect([...first.connections, ...second.connections].map(({ id }) => id)).toEqual(gone.map(({ id }) => id));
    expect(second.cursor).toBeNull();
    (await admin.get('/v1/connections?cursor=drop%20table')).problem('bad_request');
    for (const role of ['dispatcher', 'service', 'driver', 'passenger', 'merchant'] as const) {
      (await caller(server, await server.token(role)).get('/v1/connections')).problem('forbidden');
    }
    (await caller(server).get('/v1/connections')).problem('unauthenticated');
  });

  it('does not have who was refused, nor who left before it was let in [K16]', async () => {
    const server = await serverForTest({ env: FAST });
    const bad = client(server.url, { token: 'rubbish' });
    await new Promise((resolve) => bad.socket.once('connect_error', resolve));
    expect(await trail(server)).toEqual([]);
    for (let n = 0; n < 20; n++) {
      const hasty = client(server.url, { token: await server.token('driver', 'hasty'), transport: 'websocket' });
      await new Promise<void>((resolve) => hasty.socket.io.engine.once('open', () => resolve()));
      hasty.close();
    }
    await until(
      () => trail(server, '?open=true'),
      ({ length }) => length === 0,
    );
    // Nobody is counted who has gone: there is room for all three.
    for (let n = 0; n < 3; n++) await connect(server.url, await server.token('driver', 'hasty'));
  });

  it('ends what was open at kill -9 with its last sign of life [K16]', async () => {
    const dataDir = tempDir();
    const before = await startServer({ dataDir, env: FAST });
    await connect(before.url, await before.token('driver', 'd'));
    const [open] = await until(
      () => trail(before, '?subject=d'),
      ({ length }) => length === 1,
    );
    expect(open?.until).toBeNull();
    await before.kill();
    const after = await serverForTest({ dataDir, env: FAST });
    const [ended] = await trail(after, '?subject=d');
    expect(ended).toEqual({ ...open, until: ended?.lastActivity });
    expect(Date.parse(ended?.until ?? '')).toBeLessThan(Date.now());
  });
});

describe('a server that goes away', () => {
  it('says draining with a time each, refuses newcomers, and ends in time, with all that was acknowledged [K14]', async () => {
    const dataDir = tempDir();
    const server = await startServer({ dataDir, env: FAST });
    const scene = await fleetScene(server);
    const clients = await Promise.all(WAYS.map((transport) => scene.rider(unique('party'), { transport })));
    const car = await scene.driver('d');
    await car.ask('driver:location', place(0));
    // Somebody who does not take the good-bye holds the door for a second.
    const deaf = await scene.rider(unique('party'), { transport: 'websocket' });
    (deaf.socket.io.engine.transport as unknown as { ws: { _socket: { pause(): void } } }).ws._socket.pause();
    const stopped = server.stop();
    for (const transport of ['polling', 'websocket']) {
      const newcomer = async () => (await fetch(`${server.url}/socket.io/?EIO=4&transport=${transport}`)).status;
      expect(await until(newcomer, (status) => status !== 200 && status !== 400)).toBe(503);
    }
    const [{ code }] = await Promise.all([stopped, ...clients.map((one) => one.disconnected)]);
    expect(code).toBe(0);
    for (const one of [...clients, car]) {
      expect(one.all('error')).toMatchObject([{ code: 'draining', retryAfter: expect.any(Number) }]);
      expect(await one.disconnected, 'the library comes back by itself').toBe('transport close');
    }
    const after = await serverForTest({ dataDir, env: FAST });
    const { staff } = await fleetScene(after);
    expect((await staff.get('/v1/drivers/d/locations')).text).toContain('52.5');
  });

  it.each(WAYS)('over %s: clients are back within 2 s of its return, and go on [K14]', async (transport) => {
    const [dataDir, port] = [tempDir(), await stablePort()];
    const before = await startServer({ dataDir, port, env: FAST });
    const scene = await fleetScene(before);
    const [d, p] = [unique('driver'), unique('party')];
    const tripId = await scene.trip(d, p);
    const options = { reconnection: true, reconnectionDelay: 300, reconnectionDelayMax: 500 };
    const [car, watcher] = [await scene.driver(d, { transport, options }), await scene.rider(p, { transport, options })];
    // As an app does: subscribe whenever connected.
    const again = () => watcher.emit('rider:subscribe', { driverId: d, tripId });
    watcher.socket.on('connect', again);
    again();
    await watcher.next('trip:update');
    await before.kill();
    await Promise.all([car.disconnected, watcher.disconnected]);
    const after = await startServer({ dataDir, port, env: FAST });
    onTestFinished(() => after.kill());
    const since = performance.now();
    await Promise.all([car.next('connected', () => true, 4_000), watcher.next('connected', () => true, 4_000)]);
    expect(performance.now() - since).toBeLessThan(2_000);
    await watcher.next('trip:update');
    await car.ask('driver:location', place(-700));
    await watcher.next('driver:location');
  });
});

describe('a crash', () => {
  it('loses nothing that was acknowledged, and nothing that was broadcast more than a second before [K5 A6]', async () => {
    const dataDir = tempDir();
    const before = await startServer({ dataDir, env: FAST });
    const scene = await fleetScene(before);
    const tripId = await scene.trip('d', 'p');
    const [car, watcher] = [await scene.driver('d', { transport: 'websocket' }), await scene.rider('p', { transport: 'websocket' })];
    await watcher.ask('rider:subscribe', { driverId: 'd', tripId });
    const acknowledged: number[] = [];
    let sent = 0;
    const send = () => {
      const speed = ++sent / 100;
      if (sent % 2 === 0) car.emit('driver:location', place(sent / 10, { speed }));
      else car.socket.emit('driver:location', place(sent / 10, { speed }), ({ ok }: { ok: boolean }) => ok && acknowledged.push(speed));
    };
    const sending = setInterval(send, 4);
    onTestFinished(() => clearInterval(sending));
    await until(
      () => acknowledged.length,
      (count) => count > 200,
    );
    const [known, broadcast, at] = [[...acknowledged], [...watcher.came], performance.now()];
    await before.kill();
    clearInterval(sending);
    const after = await serverForTest({ dataDir, env: FAST });
    const admin = caller(after, await after.token('admin'));
    const history = (await admin.get('/v1/drivers/d/locations?limit=5000')).as(LocationList).locations.map(({ speed }) => speed);
    expect(new Set(history).size, 'each once').toBe(history.length);
    expect(known.filter((speed) => !history.includes(speed))).toEqual([]);
    const old = broadcast.filter((one) => one.event === 'driver:location' && at - one.at > 1_000);
    expect(old.length).toBeGreaterThan(20);
    expect(old.filter(({ payload }) => !history.includes((payload as { speed: number }).speed))).toEqual([]);
  });
});

describe('fifty clients over both transports', () => {
  it("get every status change and position, within the contract's order of magnitude [K9]", async () => {
    const server = await serverForTest({ env: FAST });
    const scene = await fleetScene(server);
    const cars = await Promise.all(
      Array.from({ length: 10 }, async (_, n) => {
        const d = unique('driver');
        const parties = Array.from({ length: 4 }, () => unique('party'));
        const tripId = await scene.trip(d, ...parties);
        const transport = n % 2 === 0 ? 'websocket' : 'polling';
        const car = await scene.driver(d, { transport });
        const riders = await Promise.all(parties.map((p, k) => scene.rider(p, { transport: (n + k) % 2 === 0 ? 'websocket' : 'polling' })));
        for (const rider of riders) await rider.ask('rider:subscribe', { driverId: d, tripId });
        return { tripId, car, riders };
      }),
    );
    const rounds = 20;
    const took: number[] = [];
    for (let n = 0; n < rounds; n++) {
      await Promise.all(
        cars.map(async ({ car, riders }) => {
          const since = performance.now();
          car.emit('driver:location', place(n * 10, { speed: n }));
          const seen = (rider: FleetClient) =>
            rider.next('driver:location', ({ speed }) => speed === n).then(() => took.push(performance.now() - since));
          await Promise.all(riders.map(seen));
        }),
      );
    }
    for (const status of ['EN_ROUTE', 'ARRIVED', 'IN_PROGRESS', 'COMPLETED'])
      await Promise.all(cars.map(({ tripId }) => scene.move(tripId, status)));
    for (const { riders } of cars) {
      for (const rider of riders) {
        await rider.next('trip:update', ({ status }) => status === 'COMPLETED');
        const statuses = rider.all('trip:update').map(({ status }) => status);
        expect([...new Set(statuses)]).toEqual(['PENDING', 'EN_ROUTE', 'ARRIVED', 'IN_PROGRESS', 'COMPLETED']);
        expect(rider.all('driver:location')).toHaveLength(rounds);
      }
    }
    took.sort((a, b) => a - b);
    // 50 ms at a hundred times the load is the contract; this machine is shared with the other tests and the clients.
    expect(took[Math.floor(took.length * 0.5)]).toBeLessThan(250);
    expect(took[Math.floor(took.length * 0.99)]).toBeLessThan(2_000);
  });
});
