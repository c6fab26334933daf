import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TripHistory, TripList, TripView } from '../packages/protocol/src/index.ts';
import { connect } from './support/fleet-client.ts';
import { dial, type Peer } from './support/peer.ts';
import { CENTRE, north, PAST, ride, unique } from './support/places.ts';
import { type Caller, caller } from './support/rest.ts';
import { startServer, type TestServer, tempDir } from './support/server.ts';
import { until } from './support/until.ts';

let server: TestServer;
let staff: Caller;

beforeAll(async () => {
  server = await startServer({ env: { REST_RATE_LIMIT_PER_MINUTE: '1000000', LOCATION_UPDATE_RATE_LIMIT: '0' } });
  staff = caller(server, await server.token('service', 'ship'));
});
afterAll(() => server.stop());

type Status = 'pending' | 'approved' | 'rejected' | 'cancelled' | 'completed';

const booked = (partyId: string, bookingStatus: Status) => [
  { id: 'p', type: 'pickup', ...CENTRE, partyId, bookingStatus },
  { id: 'd', type: 'dropoff', ...north(5_000), partyId, bookingStatus },
];
const create = async (input: object): Promise<string> => (await staff.post('/v1/trips', ride(input))).as(TripView, 201).id;
const change = async (id: string, patch: object) => (await staff.patch(`/v1/trips/${id}`, patch)).as(TripView);
const report = async (car: string, metres: number, second: number) =>
  expect((await staff.post(`/v1/drivers/${car}/locations`, { ...north(metres), timestamp: PAST + second * 1000 })).status).toBe(200);
const passenger = async (sub: string, scopes: object = {}): Promise<{ rest: Caller; peer: Peer; token: string }> => {
  const token = await server.token('passenger', sub, scopes);
  return { rest: caller(server, token), peer: await dial(server, { token }), token };
};

describe('a booking that does not count [S3 G7]', () => {
  it.each<Status>(['pending', 'rejected', 'cancelled'])('opens nothing on any surface: %s', async (status) => {
    const [ann, car] = [unique('passenger'), unique('car')];
    const id = await create({ driverId: car, stops: booked(ann, status) });
    const { rest, peer, token } = await passenger(ann);
    for (const path of ['', '/history', '/track', '/messages']) (await rest.get(`/v1/trips/${id}${path}`)).problem('not_found');
    (await rest.post(`/v1/trips/${id}/messages`, { text: 'hi' })).problem('not_found');
    expect((await rest.get('/v1/trips')).as(TripList)).toEqual({ trips: [], cursor: null });
    (await staff.post(`/v1/trips/${id}/messages`, { text: 'hi', to: ann })).problem('bad_request');
    expect(await peer.ask({ type: 'subscribe', feed: `trip:${id}` })).toMatchObject({ type: 'error', code: 'not_found' });
    const phone = await connect(server.url, token);
    expect(await phone.ask('rider:subscribe', { driverId: car, tripId: id })).toMatchObject({ ok: false, code: 'not_found' });
    // Nor does the feed of the person, to whoever follows it.
    const desk = await dial(server, { token: await server.token('admin') });
    for (const one of [peer, desk]) {
      expect(await one.ask({ type: 'subscribe', feed: `party:${ann}` })).toMatchObject({ type: 'subscribed' });
      await change(id, { labels: [unique('again')] });
      expect(await one.ask({ type: 'ping' })).toMatchObject({ type: 'pong' });
      expect(one.all('subscribed').map(({ feed }) => feed)).toEqual([`party:${ann}`]);
    }
    await change(id, { stops: booked(ann, 'approved') });
    for (const one of [peer, desk]) await one.next('subscribed', ({ feed }) => feed === `trip:${id}`);
    expect((await rest.get('/v1/trips')).as(TripList).trips).toMatchObject([{ id }]);
    await Promise.all([peer.close(), desk.close()]);
  });

  it.each<Status>(['approved', 'completed'])('one that does opens it: %s', async (status) => {
    const ann = unique('passenger');
    const id = await create({ stops: booked(ann, status) });
    const { rest, peer } = await passenger(ann);
    expect((await rest.get(`/v1/trips/${id}`)).as(TripView)).toMatchObject({ id });
    expect(await peer.ask({ type: 'subscribe', feed: `trip:${id}` })).toMatchObject({ type: 'subscribed' });
    await peer.close();
  });

  it.each<Status>(['rejected', 'cancelled'])('ends what was open: %s [O9 K10]', async (status) => {
    const [ann, car] = [unique('passenger'), unique('car')];
    const id = await create({ driverId: car, stops: booked(ann, 'approved') });
    const { rest, peer, token } = await passenger(ann);
    await peer.ask({ type: 'subscribe', feed: `trip:${id}` });
    const phone = await connect(server.url, token);
    expect(await phone.ask('rider:subscribe', { driverId: car, tripId: id })).toMatchObject({ ok: true });
    await report(car, -900, 0);
    await peer.next('location');
    await change(id, { stops: booked(ann, status) });
    expect(await peer.next('unsubscribed')).toMatchObject({ feed: `trip:${id}` });
    expect(await phone.next('error')).toMatchObject({ code: 'not_found', tripId: id });
    const seen = phone.all('driver:location').length;
    await report(car, -800, 10);
    expect(await peer.ask({ type: 'ping' })).toMatchObject({ type: 'pong' });
    expect(peer.all('location')).toHaveLength(1);
    await phone.ask('rider:unsubscribe', { driverId: 'nobody' });
    expect(phone.all('driver:location')).toHaveLength(seen);
    (await rest.get(`/v1/trips/${id}`)).problem('not_found');
    expect((await rest.get('/v1/trips')).as(TripList).trips).toEqual([]);
    await peer.close();
  });
});

describe('a trip that the store still finds by a booking that does not count', () => {
  it('is in no list of that passenger, and on nobody’s feed of it [S3 O8]', async () => {
    const dataDir = tempDir();
    const first = await startServer({ dataDir });
    const desk = caller(first, await first.token('service', 'ship'));
    const id = (await desk.post('/v1/trips', ride({ stops: booked('ann', 'pending') }))).as(TripView, 201).id;
    await first.stop();
    const db = new DatabaseSync(join(dataDir, 'waycast.db'));
    db.prepare('INSERT INTO trip_party (party, trip) VALUES (?, ?)').run('ann', id);
    db.close();
    const second = await startServer({ dataDir });
    const rest = caller(second, await second.token('passenger', 'ann'));
    expect((await rest.get('/v1/trips')).as(TripList).trips).toEqual([]);
    const peer = await dial(second, { token: await second.token('admin') });
    await peer.ask({ type: 'subscribe', feed: 'party:ann' });
    expect(await peer.ask({ type: 'subscribe', feed: `trip:${id}` })).toMatchObject({ type: 'subscribed' });
    expect(peer.all('subscribed').map(({ feed }) => feed)).toEqual(['party:ann', `trip:${id}`]);
    await peer.close();
    await second.stop();
  });
});

/** A shared ride: Ben's pickup 1 km on, Ann's at 2 km, a waypoint that is nobody's at 3 km, then Ben's end and Ann's. */
async function shared(): Promise<{ id: string; car: string; ann: string; ben: string }> {
  const [car, ann, ben] = [unique('car'), unique('passenger'), unique('passenger')];
  const stops = [
    { id: 'ben-in', type: 'pickup', ...north(1_000), partyId: ben, name: 'at Ben' },
    { id: 'ann-in', type: 'pickup', ...north(2_000), partyId: ann, name: 'at Ann' },
    { id: 'toll', type: 'waypoint', ...north(3_000) },
    { id: 'ben-out', type: 'dropoff', ...north(6_000), partyId: ben },
    { id: 'ann-out', type: 'dropoff', ...north(9_000), partyId: ann },
  ];
  return { id: await create({ driverId: car, stops }), car, ann, ben };
}
const ANNS = ['ann-in', 'toll', 'ann-out'];
const numbersOf = (peer: Peer) =>
  peer.messages.flatMap((one) => {
    if (one.type === 'conflated') return Array.from({ length: one.to - one.from + 1 }, (_, n) => one.from + n);
    return one.type === 'location' || one.type === 'event' ? [one.seq] : [];
  });
const epochOf = (peer: Peer) => peer.all('snapshot')[0]?.epoch as string;

describe('a passenger is told of its own stops, and of those that are nobody’s [S3]', () => {
  it('live: snapshot, positions, events; what is left out is marked, the ETAs are the same [O3 E3]', async () => {
    const { id, car, ann, ben } = await shared();
    await report(car, -2_000, 0);
    const feed = `trip:${id}`;
    const { peer } = await passenger(ann);
    const desk = await dial(server, { token: await server.token('merchant', 'shop', { trips: [id] }) });
    for (const one of [peer, desk]) await one.ask({ type: 'subscribe', feed, events: ['ride_status'] });
    const [mine, whole] = [await peer.next('snapshot'), await desk.next('snapshot')];
    expect(mine.trip?.stops).toEqual(whole.trip?.stops.filter(({ id: stop }) => ANNS.includes(stop)));
    expect(mine.etas.map(({ stopId }) => stopId)).toEqual(ANNS);
    const move = async (status: string) => {
      expect((await staff.post(`/v1/trips/${id}/status`, { status })).status).toBe(200);
      for (const one of [peer, desk]) await one.next('event', ({ event }) => event.kind === 'status' && event.status === status);
      return Promise.all([peer, desk].map(async (one) => (await one.next('ride_status', (told) => told.status === status)).eta));
    };
    await report(car, 600, 100);
    const etasOfStatus = await move('EN_ROUTE');
    for (const [n, metres] of [950, 1_400, 1_700, 1_980].entries()) await report(car, metres, 160 + n * 60);
    await move('ARRIVED');

    const etas = (one: Peer) => one.all('location').map((message) => message.etas ?? []);
    expect(etas(desk)[0]?.map(({ stopId }) => stopId)).toContain('ben-in');
    expect(etas(peer)).toEqual(etas(desk).map((list) => list.filter(({ stopId }) => ANNS.includes(stopId))));
    const stopEvents = (one: Peer) => one.all('event').flatMap(({ event }) => ('stopId' in event ? [event.id] : []));
    expect(stopEvents(desk)).toContain(`${id}/ben-in/arrived`);
    expect(stopEvents(peer)).toEqual(stopEvents(desk).filter((one) => !one.includes('/ben-')));
    expect(stopEvents(peer)).toContain(`${id}/ann-in/arrived`);
    expect(numbersOf(peer)).toEqual(numbersOf(desk));
    expect(peer.all('conflated').length).toBeGreaterThan(0);
    // Ben's was the next stop by the road, of which she is told nothing [H2].
    expect(etasOfStatus).toEqual([peer, desk].map((one) => etas(one)[0]?.[0]?.at));
    expect(etasOfStatus[0]).not.toBe(etasOfStatus[1]);
    for (const secret of [ben, 'ben-in', 'ben-out', 'at Ben']) expect(JSON.stringify(peer.messages)).not.toContain(secret);

    // What she missed is told no differently.
    const again = (await passenger(ann)).peer;
    expect(await again.ask({ type: 'subscribe', feed, since: { epoch: epochOf(peer), seq: mine.seq } })).toMatchObject({ resumed: true });
    await report(car, 2_050, 400);
    await again.next('location', ({ timestamp }) => timestamp === new Date(PAST + 400_000).toISOString());
    expect(numbersOf(again).slice(0, numbersOf(peer).length)).toEqual(numbersOf(peer).slice(0, numbersOf(again).length));
    expect(again.all('snapshot')).toEqual([]);
    for (const secret of [ben, 'ben-in', 'ben-out']) expect(JSON.stringify(again.messages)).not.toContain(secret);
    await Promise.all([peer.close(), desk.close(), again.close()]);
  });

  it('over REST: the trip, the list, the history', async () => {
    const { id, car, ann, ben } = await shared();
    await report(car, 0, 0);
    await report(car, 950, 60);
    await report(car, 1_960, 160);
    const { rest, peer } = await passenger(ann);
    await peer.close();
    const whole = (await staff.get(`/v1/trips/${id}`)).as(TripView);
    expect(whole.stops).toHaveLength(5);
    const mine = (await rest.get(`/v1/trips/${id}`)).as(TripView);
    expect(mine).toEqual({ ...whole, stops: whole.stops.filter((stop) => ANNS.includes(stop.id)) });
    expect((await rest.get('/v1/trips')).as(TripList).trips).toEqual([mine]);
    const history = (await rest.get(`/v1/trips/${id}/history`)).as(TripHistory);
    expect(history.trip).toEqual(mine);
    const all = (await staff.get(`/v1/trips/${id}/history`)).as(TripHistory).events;
    expect(all.map((event) => event.id)).toContain(`${id}/ben-in/arrived`);
    expect(history.events).toEqual(all.filter((event) => !('partyId' in event) || event.partyId !== ben));
    expect(history.events.map((event) => event.id)).toContain(`${id}/ann-in/arrived`);
    for (const secret of [ben, 'ben-in']) expect(JSON.stringify([mine, history])).not.toContain(secret);
  });

  it('and of those that are nobody’s alone with the trip in scope; driver and merchant see all', async () => {
    const { id, car, ann, ben } = await shared();
    await report(car, 0, 0);
    for (const [role, sub, scopes, expected] of [
      ['passenger', unique('passenger'), { trips: [id] }, ['toll']],
      ['passenger', ben, {}, ['ben-in', 'toll', 'ben-out']],
      ['driver', car, {}, ['ben-in', ...ANNS.slice(0, 2), 'ben-out', 'ann-out']],
      ['merchant', ann, { trips: [id] }, ['ben-in', ...ANNS.slice(0, 2), 'ben-out', 'ann-out']],
    ] as const) {
      const peer = await dial(server, { token: await server.token(role, sub, 'trips' in scopes ? { trips: [...scopes.trips] } : {}) });
      await peer.ask({ type: 'subscribe', feed: `trip:${id}` });
      const { trip, etas } = await peer.next('snapshot');
      expect(trip?.stops.map((stop) => stop.id)).toEqual(expected);
      expect(etas.map((eta) => eta.stopId)).toEqual(expected);
      await peer.close();
    }
  });

  it('on Socket.IO its next stop is never somebody else’s [K9]', async () => {
    const { id, car, ann } = await shared();
    await report(car, 0, 0);
    const etaOf = async (sub: string, scopes: object = {}) => {
      const phone = await connect(server.url, await server.token('passenger', sub, scopes));
      await phone.ask('rider:subscribe', { driverId: car, tripId: id });
      return Date.parse((await phone.next('trip:update')).eta ?? '') - Date.now();
    };
    // 2 km and 3 km at 40 km/h and a fifth more; Ben's is 1 km away, 108 s [E1].
    expect(Math.abs((await etaOf(ann)) - 216_000)).toBeLessThan(10_000);
    expect(Math.abs((await etaOf(unique('passenger'), { trips: [id] })) - 324_000)).toBeLessThan(10_000);
  });
});

describe('the driver of a trip [S3]', () => {
  it('has no other trips for its passengers', async () => {
    const [ann, car] = [unique('passenger'), unique('car')];
    const id = await create({ driverId: car, stops: booked(ann, 'approved') });
    const other = await create({ driverId: car });
    // They reach the driver a moment after they are made.
    await until(
      async () => ((await staff.get(`/v1/drivers/${car}`)).json() as { trips?: string[] }).trips?.length,
      (count) => count === 2,
    );
    const trips = async (peer: Peer) => {
      await peer.ask({ type: 'subscribe', feed: `trip:${id}` });
      return (await peer.next('snapshot')).driver?.trips.toSorted();
    };
    const desk = await dial(server, { token: await server.token('admin') });
    expect(await trips(desk)).toEqual([id, other].toSorted());
    expect(await trips((await passenger(ann)).peer)).toEqual([id]);
  });
});
