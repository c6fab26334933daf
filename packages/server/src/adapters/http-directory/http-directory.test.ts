import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import {
  type BookingBody,
  type OutsideServices,
  type RideBody,
  startOutsideServices,
} from '../../../../../test/support/outside-services.ts';
import { directoryContract } from '../../hub/contracts/directory.ts';
import type { Directory, ExternalBooking, ExternalRide } from '../../hub/directory/directory.ts';
import { HttpDirectory } from './http-directory.ts';

/** A slow machine must not decide a test. */
const soon = (check: () => void) => vi.waitFor(check, { timeout: 20_000, interval: 2 });

const RIDE: RideBody = {
  id: 'r',
  driver_id: 'd',
  driver_name: 'Ada',
  destination_lat: 37.6213,
  destination_lng: -122.379,
  status: 'active',
};
const BOOKING: BookingBody = {
  id: 'b',
  ride_id: 'r',
  passenger_id: 'p',
  status: 'approved',
  pickup_location: { lat: 1, lng: 2 },
  dropoff_location: { lat: 3, lng: 4 },
};

function directoryAt(url: string | undefined, bookingUrl: string | undefined = url) {
  const lines: string[] = [];
  const tell = (line: string) => void lines.push(line);
  const directory = new HttpDirectory({ rideServiceUrl: url, bookingServiceUrl: bookingUrl, warn: tell, info: tell });
  const ride = (id: string) => (directory.ride as NonNullable<Directory['ride']>)(id);
  const bookings = (id: string) => (directory.bookings as NonNullable<Directory['bookings']>)(id);
  return { directory, ride, bookings, lines };
}

directoryContract('HttpDirectory', async () => {
  const services = await startOutsideServices();
  const { directory } = directoryAt(`${services.url}/`);
  const asBody = ({ id, driverId, driverName, destination, status }: ExternalRide): RideBody => ({
    id,
    driver_id: driverId,
    driver_name: driverName,
    destination_lat: destination?.lat ?? null,
    destination_lng: destination?.lng ?? null,
    status,
  });
  const bookingBody = ({ id, rideId, passengerId, status, pickup, dropoff }: ExternalBooking): BookingBody => ({
    id,
    ride_id: rideId,
    passenger_id: passengerId,
    status,
    pickup_location: pickup,
    dropoff_location: dropoff,
  });
  return {
    directory,
    tellRide: (ride) => services.ride(asBody(ride)),
    tellBookings: (rideId, bookings) => services.bookings(rideId, bookings.map(bookingBody)),
    questions: () => services.asked().length,
    cut: () => services.kill(),
    close: async () => {
      directory.close();
      await services.stop();
    },
  };
});

describe('an HttpDirectory', () => {
  it('without addresses leaves everything to the own registry [X1]', () => {
    expect(directoryAt(undefined).directory).toMatchObject({ ride: null, bookings: null });
    expect(directoryAt('http://127.0.0.1:9').directory).toMatchObject({ ride: expect.any(Function), bookings: expect.any(Function) });
    expect(new HttpDirectory({ rideServiceUrl: 'http://a', bookingServiceUrl: undefined, warn: String, info: String }).bookings).toBeNull();
  });
});

describe('of services that misbehave', () => {
  let services: OutsideServices;
  let place: ReturnType<typeof directoryAt>;
  beforeAll(async () => {
    services = await startOutsideServices();
  });
  afterAll(() => services.stop());
  beforeEach(async () => {
    place = directoryAt(services.url);
    await services.behave('ride', { kind: 'well' });
    await services.ride(RIDE);
    services.forget();
  });
  afterEach(() => {
    vi.useRealTimers();
    place.directory.close();
  });
  const UNAVAILABLE = { code: 'directory_unavailable' };

  it.each([
    ['500', { kind: 'status', status: 500 }, '500'],
    ['503', { kind: 'status', status: 503 }, '503'],
    ['a connection that breaks', { kind: 'cut' }, 'cannot be reached'],
  ] as const)('%s is tried three times [X7]', async (_, behaviour, told) => {
    await services.behave('ride', behaviour);
    await expect(place.ride('r')).rejects.toMatchObject({ ...UNAVAILABLE, retryAfter: 2 });
    expect(services.asked('ride')).toHaveLength(3);
    expect(place.lines).toEqual([expect.stringMatching(new RegExp(`^the ride service is of no use: .*${told}`))]);
  });

  it('a failure that passes is not seen at all', async () => {
    await services.behave('ride', { kind: 'status', status: 502, times: 2 });
    expect(await place.ride('r')).toMatchObject({ id: 'r', driverId: 'd' });
    expect(services.asked('ride')).toHaveLength(3);
    expect(place.lines).toEqual([]);
  });

  it.each([400, 401, 403, 410, 422, 429])('%d is not tried again: asking the same brings the same', async (status) => {
    await services.behave('ride', { kind: 'status', status });
    await expect(place.ride('r')).rejects.toMatchObject(UNAVAILABLE);
    expect(services.asked('ride')).toHaveLength(1);
  });

  it('a redirect is not followed', async () => {
    const headers = { location: `${services.url}/api/v1/rides/r-secret` };
    await services.behave('ride', { kind: 'status', status: 302, headers });
    await expect(place.ride('r')).rejects.toMatchObject(UNAVAILABLE);
    expect(services.asked().map(({ url }) => url)).toEqual(['/api/v1/rides/r']);
    expect(place.lines).toEqual([expect.stringContaining('302')]);
  });

  it.each(['huge', 'bomb', 'trickle'] as const)('a body that is a %s one is not read to its end', async (kind) => {
    await services.behave('ride', { kind });
    const begin = performance.now();
    await expect(place.ride('r')).rejects.toMatchObject(UNAVAILABLE);
    expect(performance.now() - begin).toBeLessThan(20_000);
    expect(place.lines.join()).toMatch({ huge: /more than 1 MB/, bomb: /what nobody asked for, gzip/, trickle: /within 2 s/ }[kind]);
  });

  it('one that hangs is waited for 2 s, three times, and closing ends the wait', async () => {
    await services.behave('ride', { kind: 'hang' });
    const begin = performance.now();
    const asked = place.ride('r');
    await soon(() => expect(services.asked('ride')).toHaveLength(2));
    expect(performance.now() - begin).toBeGreaterThan(1_900);
    const closed = performance.now();
    place.directory.close();
    place.directory.close();
    await expect(asked).rejects.toMatchObject(UNAVAILABLE);
    expect(performance.now() - closed).toBeLessThan(1_900);
    await expect(place.ride('r')).rejects.toMatchObject(UNAVAILABLE);
  });

  it.each([
    ['no JSON', 'no JSON', '{"id":'],
    ['a list', 'the body', '[]'],
    ['null', 'the body', 'null'],
    ['no driver', '/driver_id', JSON.stringify({ ...RIDE, driver_id: undefined })],
    ['an id that is none', '/driver_id', JSON.stringify({ ...RIDE, driver_id: 'a b' })],
    ['half a number for an id', '/driver_id', JSON.stringify({ ...RIDE, driver_id: 7.5 })],
    ['a number too large to be exact', '/id', JSON.stringify(RIDE).replace('"r"', '9007199254740993')],
    ['another ride', '/id', JSON.stringify({ ...RIDE, id: 'r-2' })],
    ['a place beyond the pole', '/destination_lat', JSON.stringify({ ...RIDE, destination_lat: 91 })],
    ['a number beyond all', '/destination_lng', JSON.stringify(RIDE).replace('-122.379', '1e999')],
    ['half a place', '/destination_lng', JSON.stringify({ ...RIDE, destination_lng: null })],
    ['text for a number', '/destination_lat', JSON.stringify({ ...RIDE, destination_lat: '37 N' })],
    ['a status of no type', '/status', JSON.stringify({ ...RIDE, status: null })],
  ])('%s is refused; the log names the service and %s, the caller is told neither', async (_, field, body) => {
    await services.behave('ride', { kind: 'status', status: 200, body });
    const refusal = await place.ride('r').catch((error: Error) => error);
    expect(refusal).toMatchObject(UNAVAILABLE);
    expect((refusal as Error).message).not.toContain(field);
    expect(place.lines).toEqual([expect.stringMatching(`^the ride service is of no use: .*${field}`)]);
    expect(services.asked('ride')).toHaveLength(1);
  });

  it.each([
    ['an object around them', { bookings: [BOOKING] }],
    ['null', null],
    ['too many', Array.from({ length: 201 }, (_, n) => ({ ...BOOKING, id: `b${n}` }))],
  ])('%s for a list of bookings is refused [X7]', async (_, body) => {
    await services.behave('booking', { kind: 'status', status: 200, body: JSON.stringify(body) });
    await expect(place.bookings('r')).rejects.toMatchObject(UNAVAILABLE);
    expect(place.lines).toEqual([expect.stringMatching('^the booking service is of no use: the body')]);
    await services.behave('booking', { kind: 'well' });
  });

  it.each([
    ['/pickup_location', '#1 (odd)', { pickup_location: null }],
    ['/pickup_location', '#1 (odd)', { pickup_location: undefined }],
    ['/dropoff_location/lat', '#1 (odd)', { dropoff_location: { lat: 'x', lng: 1 } }],
    ['/dropoff_location/lat', '#1 (odd)', { dropoff_location: { lat: 90.1, lng: 1 } }],
    ['/dropoff_location/lng', '#1 (odd)', { dropoff_location: { lat: '1', lng: '1e9' } }],
    ['/dropoff_location/lng', '#1 (odd)', { dropoff_location: { lat: 1 } }],
    ['/dropoff_location/lng', '#1 (odd)', { dropoff_location: { lat: 1, lng: '' } }],
    ['/ride_id', '#1 (odd)', { ride_id: 'r-2' }],
    ['/passenger_id', '#1 (odd)', { passenger_id: '' }],
    ['/passenger_id', '#1 (odd)', { passenger_id: 1.5 }],
    ['/status', '#1 (odd)', { status: 3 }],
    ['/id', '#1 (b)', { id: 'b' }],
    ['/id', '#1', { id: 'x'.repeat(65) }],
    ['/id', '#1', { id: 2 ** 53 }],
    ['/id', '#1', { id: { $ne: null } }],
  ])('a booking with a wrong %s is left out and told of once, the others count [X8]', async (field, which, odd) => {
    await services.send('booking', 'r', [BOOKING, { ...BOOKING, id: 'odd', ...odd }, { ...BOOKING, id: 'last' }]);
    for (let n = 0; n < 3; n++) expect((await place.bookings('r'))?.map(({ id }) => id)).toEqual(['b', 'last']);
    expect(place.lines).toEqual([expect.stringContaining(`booking ${which} of ride r is of no use and left out: ${field}: `)]);
  });

  it.each([null, 7, 'b', [BOOKING]])('%j among the bookings is left out [X8]', async (odd) => {
    await services.send('booking', 'r', [odd, BOOKING]);
    expect(await place.bookings('r')).toHaveLength(1);
    expect(place.lines).toEqual([expect.stringContaining('booking #0 of ride r is of no use and left out: it: ')]);
  });

  it('numbers for ids and text for coordinates are read as what they mean [X8]', async () => {
    const text = { destination_lat: '37.5', destination_lng: ' -122 ' };
    await services.behave('ride', { kind: 'status', status: 200, body: JSON.stringify({ ...RIDE, id: 7, driver_id: 12, ...text }) });
    expect(await place.ride('7')).toMatchObject({ id: '7', driverId: '12', destination: { lat: 37.5, lng: -122 } });
    const numbered = { ...BOOKING, id: 1, ride_id: 7, passenger_id: Number.MAX_SAFE_INTEGER, pickup_location: { lat: '1e1', lng: '-.5' } };
    await services.send('booking', '7', [numbered]);
    expect(await place.bookings('7')).toEqual([
      {
        id: '1',
        rideId: '7',
        passengerId: '9007199254740991',
        status: 'approved',
        pickup: { lat: 10, lng: -0.5 },
        dropoff: { lat: 3, lng: 4 },
      },
    ]);
    expect(place.lines).toEqual([]);
  });

  it('what else they send is not looked at, a prototype included', async () => {
    const body = JSON.stringify({ ...RIDE, driver_name: '  ', seats: 3 }).replace('{', '{"__proto__":{"polluted":1},"constructor":1,');
    await services.behave('ride', { kind: 'status', status: 200, body });
    const destination = { lat: RIDE.destination_lat, lng: RIDE.destination_lng };
    expect(await place.ride('r')).toEqual({ id: 'r', driverId: 'd', driverName: null, destination, status: 'active' });
    expect(({} as { polluted?: number }).polluted).toBeUndefined();
  });

  it('a 404 for bookings is that the ride is not known', async () => {
    await services.behave('booking', { kind: 'status', status: 404 });
    expect(await place.bookings('r')).toBeNull();
    await services.behave('booking', { kind: 'well' });
  });

  it('five failures in a row open the circuit; ten seconds later one question tries it [X7]', async () => {
    vi.useFakeTimers({ toFake: ['Date'] });
    await services.behave('ride', { kind: 'status', status: 500 });
    for (const asked of [3, 5]) {
      await expect(place.ride('r')).rejects.toMatchObject(UNAVAILABLE);
      expect(services.asked('ride')).toHaveLength(asked);
    }
    vi.setSystemTime(Date.now() + 3_000);
    await expect(place.ride('r')).rejects.toMatchObject({ ...UNAVAILABLE, retryAfter: 7 });
    vi.setSystemTime(Date.now() + 6_999);
    await expect(place.ride('r')).rejects.toMatchObject({ ...UNAVAILABLE, retryAfter: 1 });
    expect(services.asked('ride')).toHaveLength(5);

    vi.setSystemTime(Date.now() + 1);
    await expect(place.ride('r')).rejects.toMatchObject({ ...UNAVAILABLE, retryAfter: 10 });
    expect(services.asked('ride')).toHaveLength(6);

    await services.behave('ride', { kind: 'well' });
    vi.setSystemTime(Date.now() + 10_000);
    expect(await Promise.all([place.ride('r'), place.ride('r')])).toMatchObject([{ id: 'r' }, { id: 'r' }]);
    const opened = 'the ride service does not answer: it is left alone for 10 s';
    expect(place.lines.filter((line) => !line.includes('no use'))).toEqual([opened, opened, 'the ride service answers again']);
  });

  it('one service being down says nothing about the other', async () => {
    await services.behave('ride', { kind: 'status', status: 500 });
    await services.bookings('r', [BOOKING]);
    for (let n = 0; n < 2; n++) await expect(place.ride('r')).rejects.toMatchObject(UNAVAILABLE);
    expect(await place.bookings('r')).toHaveLength(1);
  });

  it('not more than sixteen questions are on their way at once', async () => {
    await services.behave('ride', { kind: 'hang' });
    const asked = Array.from({ length: 40 }, () => place.ride('r').catch((error: unknown) => error));
    await soon(() => expect(services.asked('ride')).toHaveLength(16));
    await services.behave('ride', { kind: 'well' });
    place.directory.close();
    for (const one of await Promise.all(asked)) expect(one).toMatchObject(UNAVAILABLE);
    expect(services.asked('ride')).toHaveLength(16);
  });
});
