import { afterAll, beforeAll, expect, it } from 'vitest';
import { MessageList, TripView } from '../packages/protocol/src/index.ts';
import { connect, type FleetClient } from './support/fleet-client.ts';
import { type FleetScene, fleetScene, place } from './support/fleet-scene.ts';
import { dial } from './support/peer.ts';
import { unique } from './support/places.ts';
import { caller } from './support/rest.ts';
import { startServer, type TestServer } from './support/server.ts';
import { serverForTest } from './support/server-for-test.ts';
import { until } from './support/until.ts';

const FAST = { REST_RATE_LIMIT_PER_MINUTE: '1000000', LOCATION_UPDATE_RATE_LIMIT: '0' };
let server: TestServer;
let scene: FleetScene;

beforeAll(async () => {
  server = await startServer({ env: FAST });
  scene = await fleetScene(server);
});
afterAll(() => server.stop());

const heard = (one: FleetClient) => one.all('message').map(({ text }) => text);
const hears = (one: FleetClient, ...texts: string[]) =>
  until(
    () => heard(one),
    (seen) => JSON.stringify(seen) === JSON.stringify(texts),
  );
const write = async (one: FleetClient, tripId: string, text: string, more: object = {}) => {
  const answer = await one.ask('message', { tripId, text, ...more });
  expect(answer).toEqual({ ok: true, seq: 0, stored: true, id: expect.any(String) });
  return (answer as { id: string }).id;
};
/** Until a driver hears what is written on this trip; answers what was. */
const listens = async (car: FleetClient, tripId: string) => {
  const ping = unique('ping');
  await until(
    async () => {
      (await scene.staff.post(`/v1/trips/${tripId}/messages`, { text: ping })).json();
      return heard(car);
    },
    (seen) => seen.includes(ping),
  );
  return ping;
};

it('driver and riders write to each other; each hears what is for it, and it is kept with the trip [K17]', async () => {
  const [d, p, q] = [unique('driver'), unique('party'), unique('party')];
  const tripId = await scene.trip(d, p, q);
  const [car, ann, ben] = [await scene.driver(d), await scene.rider(p), await scene.rider(q)];
  for (const one of [ann, ben]) await one.ask('join_ride', { rideId: tripId });
  const id = await write(ann, tripId, 'at the corner');
  const first = { tripId, id, from: { id: p, role: 'RIDER' }, to: null, text: 'at the corner', at: expect.any(String) };
  expect(await ann.next('message')).toEqual(first);
  await write(car, tripId, 'two minutes', { to: p });
  expect(await ann.next('message')).toMatchObject({ from: { id: d, role: 'DRIVER' }, to: p, text: 'two minutes' });
  await write(car, tripId, 'traffic\nahead');
  await hears(ann, 'at the corner', 'two minutes', 'traffic\nahead');
  await hears(ben, 'traffic\nahead');
  const { messages } = (await scene.staff.get(`/v1/trips/${tripId}/messages`)).as(MessageList);
  expect(messages.map(({ text, by }) => [text, by.via])).toEqual(
    ['at the corner', 'two minutes', 'traffic\nahead'].map((text) => [text, 'socketio']),
  );
  expect(messages[0]?.id).toBe(id);
  expect(ann.all('trip:update'), 'a text changes nothing about the trip').toHaveLength(1);
});

it('a driver hears the texts of its open trips without asking: those it has, and those it is given [K17]', async () => {
  const [d, e, p] = [unique('driver'), unique('driver'), unique('party')];
  const had = await scene.trip(d, p);
  const [car, other] = [await scene.driver(d), await scene.driver(e)];
  await listens(car, had);
  const given = await scene.trip(d, p);
  await listens(car, given);
  const onStream = await dial(server, { token: await server.token('passenger', p) });
  expect(await onStream.ask({ type: 'message', trip: given, text: 'by another way' })).toMatchObject({ type: 'sent' });
  await car.next('message', ({ text }) => text === 'by another way');
  (await scene.staff.patch(`/v1/trips/${given}`, { driverId: e })).as(TripView);
  const toOther = await listens(other, given);
  await car.ask('driver:location', place(0));
  expect(heard(car), 'given away: nothing more').not.toContain(toOther);
  expect(heard(car).filter((text) => text === 'by another way')).toHaveLength(1);
  expect(await car.ask('message', { tripId: given, text: 'mine?' })).toMatchObject({ ok: false, code: 'not_found' });
  await onStream.close();
});

it('is refused by name where it does not belong [K17 K12]', async () => {
  const [d, p, q] = [unique('driver'), unique('party'), unique('party')];
  const tripId = await scene.trip(d, p, q);
  const [car, ann, stranger] = [await scene.driver(d), await scene.rider(p), await scene.rider(unique('party'))];
  const merchant = await connect(server.url, await server.token('merchant', 'shop', { trips: [tripId] }));
  const refusals: [FleetClient, object, string][] = [
    [ann, { text: 'psst', to: q }, 'forbidden'],
    [stranger, { text: 'hi' }, 'not_found'],
    [merchant, { text: 'hi' }, 'forbidden'],
    [car, { text: 'hi', to: 'nobody' }, 'bad_request'],
    [car, { text: ' ' }, 'bad_request'],
    [car, { text: 'x'.repeat(501) }, 'bad_request'],
    [car, { text: 'hi', more: 1 }, 'bad_request'],
  ];
  for (const [one, body, code] of refusals) expect(await one.ask('message', { tripId, ...body })).toMatchObject({ ok: false, code });
  for (let n = 0; n < 12; n++) car.emit('message', { tripId, text: `n${n}` });
  expect(await car.next('error')).toMatchObject({ code: 'rate_limited', event: 'message' });
  await scene.move(tripId, 'CANCELLED');
  expect(await ann.ask('message', { tripId, text: 'too late' })).toMatchObject({ ok: false, code: 'trip_closed' });
});

it('without the hybrid dialect there are none [K17]', async () => {
  const bare = await serverForTest({ env: { ...FAST, DIALECTS: 'fleet' } });
  const { driver, rider, trip } = await fleetScene(bare);
  const [d, p] = [unique('driver'), unique('party')];
  const tripId = await trip(d, p);
  const [car, ann] = [await driver(d), await rider(p)];
  await ann.ask('rider:subscribe', { driverId: d, tripId });
  expect(await ann.ask('message', { tripId, text: 'hi' })).toMatchObject({ ok: false, code: 'unknown_type' });
  const own = caller(bare, await bare.token('driver', d));
  expect((await own.post(`/v1/trips/${tripId}/messages`, { text: 'hi' })).status).toBe(201);
  await car.ask('driver:location', place(0));
  await ann.next('driver:location');
  expect([...heard(car), ...heard(ann)]).toEqual([]);
});
