import { expect, it } from 'vitest';
import { LocationList, TripView } from '../packages/protocol/src/index.ts';
import { DeliverySession, Progress } from '../packages/server/src/dialects/delivery/messages.ts';
import { callerAs, dialTracking, startSession, tokenOf } from './support/delivery.ts';
import { CENTRE, north, unique } from './support/places.ts';
import type { Caller } from './support/rest.ts';
import type { TestServer } from './support/server.ts';
import { serverForTest } from './support/server-for-test.ts';
import { until } from './support/until.ts';

/** Ten positions at once, then none for as long as a test takes. */
const SLOW = { REST_RATE_LIMIT_PER_MINUTE: '1000000', LOCATION_UPDATE_RATE_LIMIT: '1000', MAX_PLAUSIBLE_SPEED_KMH: '0' };
const BURST = 10;
const STEPS = ['PICKED_UP', 'IN_TRANSIT', 'DELIVERED'] as const;

/** A rider under way with so many orders. */
async function underWay(server: TestServer, orders: number): Promise<{ rider: Caller; riderId: string; ids: string[] }> {
  const { rider, riderId, session } = await startSession(server);
  const ids = [session.tracking_id];
  while (ids.length < orders) {
    const order = { order_id: unique('order'), rider_id: riderId, dropoff_lat: CENTRE.lat, dropoff_lng: CENTRE.lng };
    ids.push((await rider.post('/tracking/start', order)).as(DeliverySession).tracking_id);
  }
  return { rider, riderId, ids };
}

async function useUp(rider: Caller, id: string): Promise<void> {
  for (let n = 0; n < BURST; n++) expect((await rider.post(`/tracking/update/${id}`, north(n))).status).toBe(200);
  (await rider.post(`/tracking/update/${id}`, north(BURST))).problem('rate_limited');
}

it('positions are limited per session: one that is used up holds up no other [Y7 L1]', async () => {
  const server = await serverForTest({ env: SLOW });
  const { rider, ids } = await underWay(server, 4);
  for (const id of ids) await useUp(rider, id);
});

it('every session of a rider moves on, its position with it, however many came before [Y7]', async () => {
  const server = await serverForTest({ env: SLOW });
  const { rider, ids } = await underWay(server, 4);
  for (const id of ids) await useUp(rider, id);
  for (const [step, status] of STEPS.entries()) {
    const metres = 100 + step;
    for (const answer of await Promise.all(ids.map((id) => rider.post(`/tracking/update/${id}`, { ...north(metres), status })))) {
      const progress = answer.as(Progress);
      expect(progress.status).toBe(status);
      expect(progress.current_location?.lat).toBeCloseTo(north(metres).lat, 6);
    }
  }
});

it('a status that asks for nothing does not bring its position past the limit, nor does one that is refused [Y7 T9]', async () => {
  const server = await serverForTest({ env: SLOW });
  const { rider, riderId, ids } = await underWay(server, 1);
  const path = `/tracking/update/${ids[0]}`;
  // Refused statuses keep their positions, and those count.
  for (let n = 0; n < BURST; n++) (await rider.post(path, { ...north(n), status: 'DELIVERED' })).problem('illegal_transition');
  (await rider.post(path, { ...north(50), status: 'ASSIGNED' })).problem('rate_limited');
  (await rider.post(path, { ...north(60), status: 'DELIVERED' })).problem('illegal_transition');
  const boss = callerAs(server, 'superadmin');
  expect((await boss.get(`/v1/drivers/${riderId}/locations`)).as(LocationList).locations).toHaveLength(BURST);
});

it('over /v1 a status is taken with its location, used up or not; 429 only when it asks for nothing [L1 T9]', async () => {
  const server = await serverForTest({ env: SLOW });
  const { ids, riderId } = await underWay(server, 1);
  const own = callerAs(server, 'driver', riderId);
  const path = `/v1/trips/${ids[0]}/status`;
  for (let n = 0; n < BURST; n++) (await own.post(`/v1/drivers/${riderId}/locations`, north(n))).json();
  (await own.post(`/v1/drivers/${riderId}/locations`, north(11))).problem('rate_limited');
  expect((await own.post(path, { status: 'PICKED_UP', location: north(20) })).as(TripView).status).toBe('PICKED_UP');
  for (let n = 0; n < BURST; n++) (await own.post(path, { status: 'PICKED_UP', location: north(30 + n) })).as(TripView);
  (await own.post(path, { status: 'PICKED_UP', location: north(50) })).problem('rate_limited');
  (await own.post(path, { status: 'DELIVERED', location: north(51) })).problem('illegal_transition');
  expect((await own.post(path, { status: 'IN_TRANSIT', location: north(60) })).as(TripView).status).toBe('IN_TRANSIT');
  const { locations } = (await own.get(`/v1/drivers/${riderId}/locations`)).as(LocationList);
  expect(locations).toHaveLength(BURST + 1 + BURST + 1);
  expect(locations.at(-1)?.lat).toBeCloseTo(north(60).lat, 6);
});

it('on the socket a status is taken when positions are used up, and all in the order it came [Y15]', async () => {
  const server = await serverForTest({ env: SLOW });
  const { ids, riderId } = await underWay(server, 2);
  for (const id of ids) {
    const peer = await dialTracking(server, id, tokenOf('rider', riderId));
    await peer.next('initial_state');
    for (let n = 0; n <= BURST; n++) peer.send({ type: 'location_update', location: north(n) });
    expect((await peer.next('error')).message).toContain('too fast');
    for (const [step, status] of STEPS.entries()) peer.send({ type: 'location_update', location: { ...north(100 + step), status } });
    await peer.next('status_change', ({ data }) => data.status === 'DELIVERED');
    const told = peer.all('location_update').slice(BURST);
    expect(told.map(({ data }) => data.status)).toEqual(STEPS);
    told.forEach(({ data }, step) => {
      expect(data.current_location?.lat).toBeCloseTo(north(100 + step).lat, 6);
    });
    expect(peer.all('error')).toHaveLength(1);
    await peer.close();
  }
});

it('on the socket a flood behind a status is refused; what waits is taken, and the socket stays [Y15]', async () => {
  const server = await serverForTest({ env: { ...SLOW, LOCATION_UPDATE_RATE_LIMIT: '0' } });
  const { ids, riderId } = await underWay(server, 1);
  const peer = await dialTracking(server, ids[0] as string, tokenOf('rider', riderId));
  await peer.next('initial_state');
  peer.send({ type: 'location_update', location: { ...CENTRE, status: 'PICKED_UP' } });
  for (let n = 1; n <= 2_000; n++) peer.send({ type: 'location_update', location: north(n / 10) });
  peer.send({ type: 'ping' });
  await peer.next('error', ({ message }) => message.includes('wait for the ones before'));
  await peer.next('pong');
  expect(
    (
      await until(
        () => peer.all('status_change'),
        ({ length }) => length > 0,
      )
    )[0]?.data.status,
  ).toBe('PICKED_UP');
  await peer.close();
});
