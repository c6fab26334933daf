import { join } from 'node:path';
import { Redis } from 'ioredis';
import { describe, expect, it, onTestFinished } from 'vitest';
import {
  ConnectionList,
  DriverErasure,
  DriverView,
  LocationList,
  MessageList,
  NearbyList,
  PositionCollection,
  TrackSearchResult,
  TripHistory,
  TripList,
  TripView,
  WebhookDeliveryList,
  WebhookWithSecret,
} from '../packages/protocol/src/index.ts';
import { allRows as allOfPostgres } from '../packages/server/src/adapters/postgres-store/testing/all-rows.ts';
import { allRows } from '../packages/server/src/adapters/sqlite-store/testing/all-rows.ts';
import { clusterForTest } from './support/cluster-for-test.ts';
import { dial } from './support/peer.ts';
import { CENTRE, north, PAST, ride, unique } from './support/places.ts';
import { type Caller, caller } from './support/rest.ts';
import { serverForTest } from './support/server-for-test.ts';
import { startProcess, type TestServer, tempDir } from './support/server-process.ts';

import { until } from './support/until.ts';

const ENV = {
  REST_RATE_LIMIT_PER_MINUTE: '1000000',
  LOCATION_UPDATE_RATE_LIMIT: '0',
  MAX_PLAUSIBLE_SPEED_KMH: '0',
  WEBHOOK_ALLOW_PRIVATE: 'true',
};
/** What is on its way is waited for, then looked for once more. */
const WITHIN_MS = 40_000;
const DONE = 'driver data was erased';

/** One whose database is a file, whatever shape the run of tests asks for. */
async function embeddedForTest(dataDir = tempDir()): Promise<TestServer> {
  const server = await startProcess({ dataDir, env: ENV });
  onTestFinished(() => server.kill());
  return server;
}

interface Scene {
  readonly admin: Caller;
  readonly gone: string;
  readonly other: string;
  readonly trip: TripView;
  readonly others: TripView;
  readonly hook: string;
}

/** A driver who has done all that a driver can leave traces by, beside another one. `by`: who is asked. */
async function scene(server: TestServer, gone = unique('gone-with-the-wind'), other = unique('stays')): Promise<Scene> {
  const admin = caller(server, await server.token('admin', 'boss'));
  const hook = (await admin.post('/v1/webhooks', { url: 'http://127.0.0.1:9/hook' })).as(WebhookWithSecret, 201).id;
  await admin.put(`/v1/drivers/${gone}`, { name: 'Scarlett', vehicle: 'carriage', plate: 'TARA-1' });
  const peer = await dial(server, { token: await server.token('driver', gone) });
  await peer.ask({ type: 'open', stream: `phone-of-${gone}` });
  for (let seq = 1; seq <= 5; seq++) peer.send({ type: 'fix', seq, ...north(seq) });
  await peer.next('ack', ({ stored }) => stored === 5);
  const trip = (await admin.post('/v1/trips', ride({ driverId: gone, driverName: 'Scarlett' }))).as(TripView, 201);
  const driver = caller(server, await server.token('driver', gone));
  await driver.post(`/v1/trips/${trip.id}/messages`, { text: 'tomorrow is another day' });
  for (const [n, status] of ['EN_ROUTE', 'ARRIVED', 'IN_PROGRESS', 'COMPLETED'].entries())
    (await driver.post(`/v1/trips/${trip.id}/status`, { status, location: north(n * 1_000) })).as(TripView);
  await send(admin, other, 1);
  const others = (await admin.post('/v1/trips', ride({ driverId: other }))).as(TripView, 201);
  await peer.close();
  await until(
    async () => (await admin.get(`/v1/connections?subject=${gone}&open=false`)).as(ConnectionList).connections.length,
    (count) => count > 0,
  );
  return { admin, gone, other, trip, others, hook };
}

const send = (by: Caller, driver: string, n: number) =>
  by.post(`/v1/drivers/${driver}/locations`, { ...north(n), timestamp: PAST + n * 1_000 });

/** Whether any answer shows anything of the driver: as if it had never been. */
async function isUnheardOf(by: Caller, { gone, other, trip, others, hook }: Scene): Promise<void> {
  for (const path of ['', '/status', '/locations']) (await by.get(`/v1/drivers/${gone}${path}`)).problem('not_found');
  const nearby = (await by.get(`/v1/drivers/nearby?lat=${CENTRE.lat}&lng=${CENTRE.lng}&radius=50000`)).as(NearbyList);
  expect(nearby.drivers.map(({ id }) => id)).not.toContain(gone);
  const answers = [
    (await by.get('/v1/positions')).as(PositionCollection),
    (await by.post('/v1/tracks/search', { ...CENTRE, radius: 50_000, from: PAST, to: Date.now() + 60_000 })).as(TrackSearchResult),
    (await by.get('/v1/trips?limit=100')).as(TripList),
    (await by.get(`/v1/trips/${trip.id}/history`)).as(TripHistory),
    (await by.get(`/v1/trips/${trip.id}/messages`)).as(MessageList),
    (await by.get('/v1/connections?limit=100')).as(ConnectionList),
    (await by.get(`/v1/webhooks/${hook}/deliveries?limit=100`)).as(WebhookDeliveryList),
  ];
  for (const answer of answers) {
    const text = JSON.stringify(answer);
    expect(text).not.toContain(gone);
    expect(text).not.toContain('Scarlett');
    expect(text).not.toContain('tomorrow');
  }
  const kept = (await by.get(`/v1/trips/${trip.id}`)).as(TripView);
  expect(kept).toMatchObject({ id: trip.id, status: 'COMPLETED', driverId: null, driverName: null, stops: [{ id: 'from' }, { id: 'to' }] });
  expect(kept.distance).toBeGreaterThan(0);
  expect(JSON.parse((await by.get(`/v1/trips/${trip.id}/track`)).text)).toMatchObject({ points: [] });
  expect((await by.get(`/v1/trips?driverId=${gone}`)).as(TripList).trips).toEqual([]);
  expect((await by.get(`/v1/drivers/${other}/locations`)).as(LocationList).locations).toHaveLength(1);
  expect((await by.get(`/v1/trips/${others.id}`)).as(TripView)).toEqual(others);
}

const erase = async ({ admin, gone }: Scene, by = admin): Promise<DriverErasure> =>
  (await by.delete(`/v1/drivers/${gone}/data`)).as(DriverErasure, 202);
const isDone = (server: TestServer) =>
  until(
    () => server.output(),
    (output) => output.includes(DONE),
    WITHIN_MS,
  );

describe('DELETE /v1/drivers/{id}/data', () => {
  it('leaves nothing of a driver: in no answer from then on, soon in no row [I10-I13]', async () => {
    const server = await embeddedForTest();
    const one = await scene(server);
    const { gone, admin } = one;
    const database = join(server.dataDir, 'waycast.db');
    expect(allRows(database)).toContain(gone);
    const erasure = await erase(one);
    expect(erasure).toMatchObject({ driver: gone, state: 'erasing' });
    await isUnheardOf(admin, one);
    expect(await erase(one)).toEqual(erasure);
    await isDone(server);
    (await admin.delete(`/v1/drivers/${gone}/data`)).problem('not_found');
    expect(allRows(database)).not.toContain(gone);
    expect(allRows(database)).not.toContain('Scarlett');
    await isUnheardOf(admin, one);
    const told =
      server
        .output()
        .split('\n')
        .find((line) => line.includes(DONE)) ?? '';
    expect(JSON.parse(told)).toMatchObject({ level: 30, fixes: expect.any(Number), trips: 1 });
    expect(told).not.toContain(gone);
  });

  it('is for admins, of drivers there are, and not while they drive [I10]', async () => {
    const server = await serverForTest({ env: ENV });
    const admin = caller(server, await server.token('admin', 'boss'));
    const driver = unique('driver');
    await send(admin, driver, 1);
    for (const role of ['driver', 'dispatcher', 'service', 'passenger', 'merchant'] as const)
      (await caller(server, await server.token(role, driver)).delete(`/v1/drivers/${driver}/data`)).problem('forbidden');
    (await admin.delete(`/v1/drivers/${unique('nobody')}/data`)).problem('not_found');
    const trip = (await admin.post('/v1/trips', ride({ driverId: driver }))).as(TripView, 201);
    const { detail } = (await admin.delete(`/v1/drivers/${driver}/data`)).problem('driver_has_trips');
    expect(detail).toContain(trip.id);
    expect((await admin.get(`/v1/drivers/${driver}`)).as(DriverView)).toMatchObject({ status: 'ONLINE', trips: [trip.id] });
    await admin.post(`/v1/trips/${trip.id}/status`, { status: 'CANCELLED' });
    (await admin.delete(`/v1/drivers/${driver}/data`)).as(DriverErasure, 202);
  });

  it('is told to who follows the driver, and who comes back under its id is somebody new [I11, I14]', async () => {
    const server = await serverForTest({ env: ENV });
    const admin = caller(server, await server.token('admin', 'boss'));
    const driver = unique('driver');
    const token = await server.token('driver', driver);
    const phone = await dial(server, { token });
    await phone.ask({ type: 'open', stream: 'phone' });
    for (const seq of [1, 2, 3]) phone.send({ type: 'fix', seq, ...north(seq) });
    await phone.next('ack', ({ stored }) => stored === 3);
    await phone.close();
    const desk = await dial(server, { token: await server.token('dispatcher', 'desk') });
    await desk.ask({ type: 'subscribe', feed: `driver:${driver}` });
    await desk.next('snapshot');
    (await admin.delete(`/v1/drivers/${driver}/data`)).as(DriverErasure, 202);
    await desk.next('event', ({ event }) => event.kind === 'offline' && event.driverId === driver);
    const again = await dial(server, { token });
    expect(await again.ask({ type: 'open', stream: 'phone' })).toMatchObject({ type: 'opened', accepted: 0, stored: 0 });
    again.send({ type: 'fix', seq: 1, ...north(1) });
    await again.next('ack', ({ stored }) => stored === 1);
    expect((await admin.get(`/v1/drivers/${driver}/locations`)).as(LocationList).locations).toHaveLength(1);
    expect((await admin.get(`/v1/drivers/${driver}`)).as(DriverView)).toMatchObject({ status: 'ONLINE', name: null });
    await isDone(server);
    expect((await admin.get(`/v1/drivers/${driver}/locations`)).as(LocationList).locations).toHaveLength(1);
    await Promise.all([again.close(), desk.close()]);
  });

  it('goes on after kill -9 [I13]', async () => {
    const dataDir = tempDir();
    const first = await startProcess({ dataDir, env: ENV });
    const one = await scene(first);
    await erase(one);
    await first.kill();
    const second = await embeddedForTest(dataDir);
    const admin = caller(second, await second.token('admin', 'boss'));
    await isUnheardOf(admin, one);
    await isDone(second);
    expect(allRows(join(dataDir, 'waycast.db'))).not.toContain(one.gone);
  });
});

describe('of several processes', () => {
  it('a driver erased through one is not to be had at the other, in no table and under no key [I11, I13]', async () => {
    const { cluster, a, b } = await clusterForTest({ nginx: false, env: ENV });
    const redis = new Redis(cluster.redisUrl);
    const keys = () => redis.keys('*');
    try {
      for (const [by, owner] of [
        [a, b],
        [b, a],
      ] as const) {
        const gone = await cluster.driverOf(owner, 'gone-with-the-wind');
        const one = await scene(by, gone);
        const there = caller(owner, await owner.token('admin', 'boss'));
        await isKnown(there, gone);
        expect((await keys()).filter((key) => key.includes(gone))).not.toEqual([]);
        await erase(one);
        for (const asked of [one.admin, there]) await isUnheardOf(asked, one);
        await until(
          async () => (await keys()).filter((key) => key.includes(gone) || key.includes(one.trip.id)),
          (left) => left.length === 0,
        );
        await send(there, gone, 7);
        for (const asked of [one.admin, there])
          expect((await asked.get(`/v1/drivers/${gone}/locations`)).as(LocationList).locations).toHaveLength(1);
        await erase(one, there);
      }
      await until(
        () => cluster.query('SELECT 1 FROM erasure'),
        (rows) => rows.length === 0,
        WITHIN_MS,
      );
      expect(await allOfPostgres(cluster.databaseUrl)).not.toContain('gone-with-the-wind');
    } finally {
      redis.disconnect();
    }
  });
});

async function isKnown(by: Caller, driver: string): Promise<void> {
  expect((await by.get(`/v1/drivers/${driver}`)).as(DriverView).id).toBe(driver);
}
