import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { MessageList, TripView, WebhookWithSecret } from '../../packages/protocol/src/index.ts';
import { type Cluster, startCluster } from '../support/cluster.ts';
import { dial, type Peer } from '../support/peer.ts';
import { CENTRE, north, ride, unique } from '../support/places.ts';
import { receiverForTest } from '../support/receiver.ts';
import { type Caller, caller } from '../support/rest.ts';
import type { TestServer } from '../support/server.ts';
import { shownPosition, shownTrip } from '../support/shown.ts';
import { until } from '../support/until.ts';

let cluster: Cluster;
let a: TestServer;
let b: TestServer;
let atA: Caller;
let atB: Caller;

beforeAll(async () => {
  cluster = await startCluster({
    env: { REST_RATE_LIMIT_PER_MINUTE: '1000000', LOCATION_UPDATE_RATE_LIMIT: '0', WEBHOOK_ALLOW_PRIVATE: 'true' },
  });
  [a, b] = cluster.servers as [TestServer, TestServer];
  [atA, atB] = [caller(a, await a.token('admin')), caller(b, await b.token('admin'))];
  await cluster.settled();
});
afterAll(() => cluster.stop());

const create = async (by: Caller, input: object): Promise<string> => (await by.post('/v1/trips', ride(input))).as(TripView, 201).id;
const joined = (peer: Peer, id: string) => peer.next('subscribed', ({ feed }) => feed === `trip:${id}`);
const stopsFor = (partyId: string) => [
  { id: 'p', type: 'pickup', ...CENTRE, partyId },
  { id: 'd', type: 'dropoff', ...north(5_000), partyId },
];

describe.concurrent('who follows a person on B', () => {
  it.each(['driven', 'undriven'])('gets a trip made on A, %s, as it comes [P1 O8]', async (how) => {
    for (const owner of [a, b]) {
      const [ann, shop] = [unique('ann'), unique('shop')];
      const car = await cluster.driverOf(owner, 'car');
      const customer = await dial(b, { token: await b.token('passenger', ann) });
      const merchant = await dial(b, { token: await b.token('merchant', 'm', { labels: [shop] }) });
      const courier = await dial(b, { token: await b.token('driver', car) });
      await customer.ask({ type: 'subscribe', feed: `party:${ann}` });
      await merchant.ask({ type: 'subscribe', feed: `label:${shop}` });
      await courier.ask({ type: 'subscribe', feed: `jobs:${car}` });
      const id = await create(atA, { stops: stopsFor(ann), labels: [shop], ...(how === 'driven' && { driverId: car }) });
      for (const peer of [customer, merchant]) {
        await joined(peer, id);
        expect(await peer.next('snapshot')).toMatchObject({ feed: `trip:${id}`, trip: { id } });
      }
      if (how === 'undriven') {
        expect((await atA.patch(`/v1/trips/${id}`, { driverId: car })).status).toBe(200);
        for (const peer of [customer, merchant]) await shownTrip(peer, id, ({ driverId }) => driverId === car);
      }
      await joined(courier, id);
      await atA.post(`/v1/drivers/${car}/locations`, north(-900));
      for (const peer of [customer, merchant, courier]) await shownPosition(peer, `trip:${id}`);
      await atA.patch(`/v1/trips/${id}`, { driverId: null });
      await courier.next('unsubscribed', ({ feed }) => feed === `trip:${id}`);
      await atA.delete(`/v1/trips/${id}`);
      for (const peer of [customer, merchant]) await peer.next('unsubscribed', ({ feed }) => feed === `trip:${id}`);
      await Promise.all([customer, merchant, courier].map((peer) => peer.close()));
    }
  });

  it('hears texts written on A, once, and reads them there [P1 H3 H5]', async () => {
    const [ann, car] = [unique('ann'), await cluster.driverOf(a, 'car')];
    const id = await create(atA, { stops: stopsFor(ann), driverId: car });
    const customer = await dial(b, { token: await b.token('passenger', ann) });
    const driver = await dial(a, { token: await a.token('driver', car) });
    for (const peer of [customer, driver]) await peer.ask({ type: 'subscribe', feed: `trip:${id}` });
    // From a position that came by a message of its own, everything does.
    await until(
      async () => {
        await atA.post(`/v1/drivers/${car}/locations`, north(-900));
        return [customer, driver];
      },
      (peers) => peers.every((peer) => peer.all('location').length > 0),
    );
    for (const [from, text] of [
      [customer, 'one'],
      [driver, 'two'],
      [customer, 'three'],
    ] as const)
      expect(await from.ask({ type: 'message', trip: id, text })).toMatchObject({ type: 'sent' });
    for (const peer of [customer, driver]) {
      await peer.next('event', ({ event }) => event.kind === 'message' && event.text === 'three');
      expect(peer.all('event').flatMap(({ event }) => (event.kind === 'message' ? [event.text] : []))).toEqual(['one', 'two', 'three']);
    }
    for (const by of [atA, atB])
      expect((await by.get(`/v1/trips/${id}/messages`)).as(MessageList).messages.map(({ text }) => text)).toEqual(['one', 'two', 'three']);
    await Promise.all([customer.close(), driver.close()]);
  });

  it('gets hybrid messages: location_update on A is a position on B, ride_status comes [P1 H1 H2]', async () => {
    for (const owner of [a, b]) {
      const car = await cluster.driverOf(owner, 'car');
      const id = await create(atA, { driverId: car });
      const watcher = await dial(b, { token: await b.token('admin') });
      await watcher.ask({ type: 'subscribe', feed: `trip:${id}`, events: ['ride_status'] });
      expect(await watcher.next('ride_status')).toMatchObject({ rideId: id, status: 'PENDING' });
      const phone = await dial(a, { token: await a.token('driver', car) });
      phone.send({ type: 'location_update', data: { ...north(-900), heading: 0, speed: 10, accuracy: 5, timestamp: Date.now() - 1_000 } });
      expect(await shownPosition(watcher, `trip:${id}`)).toMatchObject({ driver: car, speed: 36 });
      await atA.post(`/v1/trips/${id}/status`, { status: 'EN_ROUTE' });
      expect(await watcher.next('ride_status')).toMatchObject({ status: 'EN_ROUTE', eta: expect.any(String) });
      await Promise.all([watcher.close(), phone.close()]);
    }
  });
});

describe.concurrent('a webhook of two processes', () => {
  it('gets every event once, and those of a trip in order [P1 W1 W7]', async () => {
    const receiver = await receiverForTest();
    const label = unique('label');
    (await atB.post('/v1/webhooks', { url: receiver.url, labels: [label] })).as(WebhookWithSecret, 201);
    const STATUSES = ['EN_ROUTE', 'ARRIVED', 'IN_PROGRESS', 'COMPLETED'];
    const drivers = [await cluster.driverOf(a, 'hooked'), await cluster.driverOf(b, 'hooked'), null];
    const trips = await Promise.all(
      Array.from({ length: 12 }, async (_, n) => {
        const id = await create(n % 2 === 0 ? atA : atB, { labels: [label], driverId: drivers[n % 3] ?? null });
        // Half of it is said here, half there; one trip changes hands.
        if (n % 3 === 0) await atB.patch(`/v1/trips/${id}`, { driverId: drivers[1] });
        if (n % 3 !== 2)
          for (const [k, status] of STATUSES.entries()) await (k % 2 === 0 ? atB : atA).post(`/v1/trips/${id}/status`, { status });
        return id;
      }),
    );
    const histories = await Promise.all(
      trips.map(async (id) =>
        ((await atA.get(`/v1/trips/${id}/history`)).json() as { events: { id: string }[] }).events.map((event) => event.id),
      ),
    );
    const came = () => receiver.received().map(({ body }) => (JSON.parse(body) as { data: { event: { id: string } } }).data.event.id);
    const expected = histories.flat().length;
    await until(came, (ids) => ids.length >= expected);
    const ids = came();
    expect(ids).toHaveLength(expected);
    for (const [n, history] of histories.entries()) expect(ids.filter((id) => id.startsWith(`${trips[n]}/`))).toEqual(history);
  });
});
