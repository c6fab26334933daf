import { rmSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { TripView } from '../packages/protocol/src/index.ts';
import { RideStatus } from '../packages/server/src/dialects/rideshare/messages.ts';
import { type BookingBody, type OutsideServices, startOutsideServices } from './support/outside-services.ts';
import { CENTRE, north, unique } from './support/places.ts';
import { caller } from './support/rest.ts';
import { dialRide, fixAt, oldToken, refusedRide, ridePath } from './support/rideshare.ts';
import { startServer, type TestServer, tempDir } from './support/server.ts';
import { serverForTest } from './support/server-for-test.ts';
import { until } from './support/until.ts';

/** The services' answers hold for 30 s. */
const CACHE_MS = 31_000;
const TIMEOUT_MS = 60_000;

let outside: OutsideServices;
let server: TestServer;

beforeAll(async () => {
  outside = await startOutsideServices();
  const { url } = outside;
  server = await startServer({
    env: {
      RIDE_SERVICE_URL: url,
      BOOKING_SERVICE_URL: url,
      NOTIFICATION_SERVICE_URL: url,
      WEBHOOK_ALLOW_PRIVATE: 'true',
      LOCATION_UPDATE_RATE_LIMIT: '0',
      REST_RATE_LIMIT_PER_MINUTE: '1000000',
    },
  });
});

afterAll(async () => {
  await server.stop();
  await outside.stop();
});

const names = () => ({ ride: unique('ride'), dan: unique('dan'), olga: unique('olga'), pia: unique('pia'), paul: unique('paul') });

function rideBody(id: string, driver: string, status = 'active') {
  const { lat, lng } = north(5_000);
  return { id, driver_id: driver, driver_name: 'Dan', destination_lat: lat, destination_lng: lng, status };
}

function booking(rideId: string, passenger: string, status = 'approved'): BookingBody {
  const dropoff = north(4_000);
  return {
    id: `b-${passenger}`,
    ride_id: rideId,
    passenger_id: passenger,
    status,
    pickup_location: CENTRE,
    dropoff_location: { lat: dropoff.lat, lng: dropoff.lng },
  };
}

describe('a ride of the services outside', () => {
  it('is followed as one of the own registry is; its passengers are notified [R2 R9 R10 X1 W2]', async () => {
    const { ride, dan, pia, paul } = names();
    await outside.ride(rideBody(ride, dan));
    await outside.bookings(ride, [booking(ride, pia), booking(ride, paul, 'pending')]);
    const driver = await dialRide(server, ride, 'driver', dan);
    const passenger = await dialRide(server, ride, 'passenger', pia);
    expect((await refusedRide(server, ridePath(ride, 'passenger', oldToken(paul)))).status).toBe(403);
    expect((await refusedRide(server, ridePath('unheard', 'driver', oldToken(dan)))).status).toBe(403);
    driver.send(fixAt(400, { speed: 20 }));
    expect(await passenger.next('geofence_event')).toMatchObject({ event_type: 'approaching_pickup' });
    // 4.6 km to where the ride ends, not to where the booking does.
    expect(await passenger.next('location_update')).toMatchObject({ driver_id: dan, distance_remaining_km: 4.6 });
    driver.send(fixAt(50));
    expect(await passenger.next('geofence_event')).toMatchObject({ event_type: 'arrived_pickup' });
    const told = await until(
      () => outside.asked('notification').map(({ url, body }) => ({ url, body: JSON.parse(body) as unknown })),
      (seen) => seen.length >= 2,
    );
    // 400 m at 20 km/h are 72 s and a fifth more: the second minute has begun.
    expect(told).toMatchObject([
      { url: '/api/v1/notifications', body: { user_id: pia, type: 'driver_approaching', data: { driver_name: 'Dan', eta_minutes: 2 } } },
      { url: '/api/v1/notifications', body: { user_id: pia, type: 'driver_arrived', data: { driver_name: 'Dan' } } },
    ]);
    expect(told).toHaveLength(2);
  });

  it('that ended while this server was away ends soon after it is back, though nobody looks at it [X6]', async () => {
    const dataDir = tempDir();
    onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
    const env = { RIDE_SERVICE_URL: outside.url, BOOKING_SERVICE_URL: outside.url, REST_RATE_LIMIT_PER_MINUTE: '1000000' };
    const options = { dataDir, env };
    const before = await serverForTest(options);
    const { ride, dan, pia } = names();
    await outside.ride(rideBody(ride, dan));
    await outside.bookings(ride, [booking(ride, pia)]);
    const driver = await dialRide(before, ride, 'driver', dan);
    const passenger = await dialRide(before, ride, 'passenger', pia);
    driver.send(fixAt(10_000));
    await passenger.next('location_update');
    await before.stop();
    await outside.ride(rideBody(ride, dan, 'cancelled'));
    const after = await serverForTest(options);
    const admin = caller(after, await after.token('admin'));
    await until(
      async () => (await admin.get(`/v1/trips/${ride}`)).as(TripView).status,
      (status) => status === 'CANCELLED',
      15_000,
    );
  });

  it('that ended while its driver was away counts for no fix the driver sends for another one [X6]', async () => {
    const dataDir = tempDir();
    onTestFinished(() => rmSync(dataDir, { recursive: true, force: true }));
    const env = { RIDE_SERVICE_URL: outside.url, BOOKING_SERVICE_URL: outside.url, REST_RATE_LIMIT_PER_MINUTE: '1000000' };
    const options = { dataDir, env };
    const before = await serverForTest(options);
    const { ride, dan, pia, paul } = names();
    const other = `${ride}-other`;
    for (const [id, passenger] of [
      [ride, pia],
      [other, paul],
    ] as const) {
      await outside.ride(rideBody(id, dan));
      await outside.bookings(id, [booking(id, passenger)]);
    }
    await (await dialRide(before, ride, 'driver', dan)).roundTrip();
    await before.stop();
    await outside.ride(rideBody(ride, dan, 'completed'));
    const after = await serverForTest(options);
    const passenger = await dialRide(after, other, 'passenger', paul);
    (await dialRide(after, other, 'driver', dan)).send(fixAt(50));
    await passenger.next('geofence_event');
    const ended = (await caller(after, await after.token('admin')).get(`/v1/trips/${ride}`)).as(TripView);
    expect(ended.status).toBe('COMPLETED');
    expect(ended.stops.map(({ arrivedAt }) => arrivedAt)).toEqual([null, null, null]);
  });

  it('with bookings that cannot be used goes on for the others; the log says which, once [X8]', async () => {
    const { ride, dan, pia, paul } = names();
    const id = String(Date.now());
    await outside.send('ride', id, { ...rideBody(ride, dan), id: Number(id) });
    const odd = { ...booking(id, paul), pickup_location: null };
    const numbered = {
      ...booking(id, pia),
      id: 7,
      ride_id: Number(id),
      pickup_location: { lat: String(CENTRE.lat), lng: String(CENTRE.lng) },
    };
    await outside.send('booking', id, [odd, numbered]);
    const passenger = await dialRide(server, id, 'passenger', pia);
    const driver = await dialRide(server, id, 'driver', dan);
    driver.send(fixAt(50));
    expect(await passenger.next('geofence_event')).toMatchObject({ event_type: 'arrived_pickup' });
    expect((await refusedRide(server, ridePath(id, 'passenger', oldToken(paul)))).status).toBe(403);
    expect(server.output().match(/is of no use and left out: [^"]*/g)).toEqual([expect.stringContaining('/pickup_location: ')]);
    expect(server.output()).toContain(`booking #0 (b-${paul}) of ride ${id} `);
  });

  it('goes on for those inside while the services are down; new ones get 503 with when to come back [R3 X7]', async () => {
    const services = await startOutsideServices();
    const own = await startServer({
      env: { RIDE_SERVICE_URL: services.url, BOOKING_SERVICE_URL: services.url, LOCATION_UPDATE_RATE_LIMIT: '0' },
    });
    const { ride, dan, pia } = names();
    await services.ride(rideBody(ride, dan));
    await services.bookings(ride, [booking(ride, pia)]);
    const driver = await dialRide(own, ride, 'driver', dan);
    const passenger = await dialRide(own, ride, 'passenger', pia);
    await services.kill();
    const refused = await refusedRide(own, ridePath(`${ride}-2`, 'passenger', oldToken(pia)));
    expect(refused.status).toBe(503);
    expect(Number(refused.headers['retry-after'])).toBeGreaterThan(0);
    expect(JSON.parse(refused.body)).toMatchObject({ code: 'directory_unavailable' });
    const answer = await caller(own, oldToken(pia)).get(`/api/v1/tracking/ride/${ride}-2/status`);
    expect(answer.problem('directory_unavailable').retryAfter).toBeGreaterThan(0);
    driver.send(fixAt(300));
    await passenger.next('location_update');
    await own.stop();
    await services.stop();
  });
});

// Side by side: each waits until an answer holds no more.
describe.concurrent('what the services outside have changed', () => {
  it(
    'changes here within the time an answer holds, on open sockets too [R13 X6]',
    async () => {
      const { ride, dan, olga, pia, paul } = names();
      const ending = `${ride}-ending`;
      for (const id of [ride, ending]) await outside.ride(rideBody(id, dan));
      await outside.bookings(ride, [booking(ride, pia), booking(ride, paul, 'pending')]);
      await outside.bookings(ending, [booking(ending, pia)]);
      const driver = await dialRide(server, ride, 'driver', dan);
      const passenger = await dialRide(server, ride, 'passenger', pia);
      const arriving = await dialRide(server, ending, 'driver', dan);
      await Promise.all([driver, passenger, arriving].map((peer) => peer.next('connected')));
      await outside.ride(rideBody(ride, olga));
      await outside.bookings(ride, [booking(ride, pia, 'cancelled'), booking(ride, paul)]);
      await outside.ride(rideBody(ending, dan, 'completed'));
      const ends = await Promise.all([driver, passenger, arriving].map((peer) => peer.closed(CACHE_MS)));
      expect(ends.map(({ code }) => code)).toEqual([4003, 4004, 4002]);
      for (const [side, user] of [
        ['driver', olga],
        ['passenger', paul],
      ] as const)
        await (await dialRide(server, ride, side, user)).next('connected');
      const status = (await caller(server, oldToken(pia)).get(`/api/v1/tracking/ride/${ending}/status`)).as(RideStatus);
      expect(status).toMatchObject({ is_active: false, driver_connected: false });
    },
    TIMEOUT_MS,
  );

  it(
    'a ride that ended or went to another driver, counts no more for the one on the road, though nobody looks at it [X6]',
    async () => {
      const { ride, dan, olga, pia, paul } = names();
      const [ending, given, other] = [`${ride}-ending`, `${ride}-given`, `${ride}-other`];
      const people = [pia, paul, unique('pete')];
      for (const [index, id] of [ending, given, other].entries()) {
        await outside.ride(rideBody(id, dan));
        await outside.bookings(id, [booking(id, people[index] as string)]);
        const driver = await dialRide(server, id, 'driver', dan);
        if (id === given) driver.send(fixAt(1_200));
        await driver.roundTrip();
        await driver.close();
      }
      await outside.ride(rideBody(ending, dan, 'completed'));
      await outside.ride(rideBody(given, olga));
      const admin = caller(server, await server.token('admin'));
      const trip = async (id: string) => (await admin.get(`/v1/trips/${id}`)).as(TripView);
      await until(
        async () => [(await trip(ending)).status, (await trip(given)).driverId],
        ([status, driver]) => status === 'COMPLETED' && driver === olga,
        CACHE_MS,
      );
      const passenger = await dialRide(server, other, 'passenger', people[2] as string);
      const driver = await dialRide(server, other, 'driver', dan);
      for (const metres of [400, 50]) driver.send(fixAt(metres));
      await passenger.next('geofence_event');
      const told = await until(
        () => outside.asked('notification').map(({ body }) => (JSON.parse(body) as { user_id: string }).user_id),
        (users) => users.includes(people[2] as string),
      );
      for (const user of [pia, paul]) expect(told).not.toContain(user);
    },
    TIMEOUT_MS,
  );
});
