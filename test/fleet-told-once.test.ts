import { expect, it } from 'vitest';
import { TripView } from '../packages/protocol/src/index.ts';
import type { FleetClient } from './support/fleet-client.ts';
import { fleetScene, place } from './support/fleet-scene.ts';
import { unique } from './support/places.ts';
import { serverForTest } from './support/server-for-test.ts';
import { until } from './support/until.ts';

const FAST = { REST_RATE_LIMIT_PER_MINUTE: '1000000', LOCATION_UPDATE_RATE_LIMIT: '0' };
const settled = (one: FleetClient) => one.ask('rider:unsubscribe', { driverId: 'nobody' });

it('another driver is told of once, and without an ETA until the new one is heard of [K9 K10]', async () => {
  const server = await serverForTest({ env: FAST });
  const scene = await fleetScene(server);
  const [d, e, p] = [unique('driver'), unique('driver'), unique('party')];
  const tripId = await scene.trip(d, p);
  const [car, next, watcher] = [await scene.driver(d), await scene.driver(e), await scene.rider(p)];
  await next.ask('driver:location', place(-4_000));
  await watcher.ask('rider:subscribe', { driverId: d, tripId });
  await car.ask('driver:location', place(-3_000));
  await watcher.next('trip:update', ({ eta }) => eta !== null);
  const before = watcher.all('trip:update').length;
  for (const [given, told] of [
    [e, 1],
    [null, 2],
    [d, 3],
  ] as const) {
    (await scene.staff.patch(`/v1/trips/${tripId}`, { driverId: given })).as(TripView);
    const drives = async () => (await scene.staff.get(`/v1/drivers/${given}`)).text;
    if (given !== null) await until(drives, (text) => text.includes(tripId));
    await settled(watcher);
    const updates = watcher.all('trip:update').slice(before);
    expect(updates).toEqual(Array(told).fill({ tripId, status: 'PENDING', eta: null }));
  }
  await car.ask('driver:location', place(-2_000));
  await settled(watcher);
  expect(watcher.all('trip:update').slice(before + 3)).toEqual([{ tripId, status: 'PENDING', eta: expect.any(String) }]);
});

it('of two trips of one driver a rider gets each position once, also when one of them ends [K9 K11]', async () => {
  const server = await serverForTest({ env: FAST });
  const scene = await fleetScene(server);
  const [d, p] = [unique('driver'), unique('party')];
  const [one, two] = [await scene.trip(d, p), await scene.trip(d, p)];
  const [car, watcher] = [await scene.driver(d), await scene.rider(p)];
  for (const tripId of [one, two]) await watcher.ask('rider:subscribe', { driverId: d, tripId });
  const came = (event: 'driver:location' | 'driver_location') => watcher.all(event).length;
  for (const metres of [-3_000, -2_990, -2_980]) await car.ask('driver:location', place(metres));
  await settled(watcher);
  expect([came('driver:location'), came('driver_location')]).toEqual([3, 3]);
  expect(new Set(watcher.all('trip:update').map(({ tripId }) => tripId))).toEqual(new Set([one, two]));
  await scene.move(one, 'CANCELLED');
  for (const metres of [-2_970, -2_960]) await car.ask('driver:location', place(metres));
  await settled(watcher);
  expect([came('driver:location'), came('driver_location')]).toEqual([5, 5]);
  const three = await scene.trip(d, p);
  await watcher.ask('rider:subscribe', { driverId: d, tripId: three });
  await settled(watcher);
  expect(came('driver:location'), 'who asks is answered with where the driver is').toBe(6);
});
