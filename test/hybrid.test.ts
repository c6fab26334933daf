import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LocationList, TripView } from '../packages/protocol/src/index.ts';
import { dial } from './support/peer.ts';
import { CENTRE, north, ride, unique } from './support/places.ts';
import { type Caller, caller } from './support/rest.ts';
import { startServer, type TestServer } from './support/server.ts';
import { until } from './support/until.ts';

let server: TestServer;
let staff: Caller;

beforeAll(async () => {
  server = await startServer({ env: { LOCATION_UPDATE_RATE_LIMIT: '0', REST_RATE_LIMIT_PER_MINUTE: '1000000' } });
  staff = caller(server, await server.token('service', 'ship'));
});
afterAll(() => server.stop());

const create = async (input: object): Promise<string> => (await staff.post('/v1/trips', input)).as(TripView, 201).id;
const status = async (id: string, to: string) => expect((await staff.post(`/v1/trips/${id}/status`, { status: to })).status).toBe(200);

describe('location_update [H1]', () => {
  it('moves the marker for every watcher, wrapped and flat, and is kept', async () => {
    const car = unique('car');
    const id = await create(ride({ driverId: car }));
    const watcher = await dial(server, { token: await server.token('admin') });
    await watcher.ask({ type: 'subscribe', feed: `trip:${id}` });
    const phone = await dial(server, { token: await server.token('driver', car) });
    phone.send({ type: 'location_update', data: { ...north(-900), heading: 0, speed: 10, accuracy: 5, timestamp: Date.now() - 1_000 } });
    expect(await watcher.next('location')).toMatchObject({ driver: car, speed: 36, bearing: 0 });
    phone.send({
      type: 'location_update',
      driverId: car,
      ...north(-800),
      heading: 10,
      speed: 36,
      accuracy: 5,
      timestamp: new Date().toISOString(),
    });
    expect(await watcher.next('location')).toMatchObject({ driver: car, speed: 36, bearing: 10 });
    const stored = async () => (await staff.get(`/v1/drivers/${car}/locations`)).as(LocationList).locations.length;
    expect(await until(stored, (count) => count === 2)).toBe(2);
    await Promise.all([watcher.close(), phone.close()]);
  });

  it('names what is wrong, and is nobody else’s to send', async () => {
    const phone = await dial(server, { token: await server.token('driver', unique('car')) });
    phone.send({ type: 'location_update', data: { lat: 99, lng: 1 } });
    expect(await phone.next('error')).toMatchObject({ code: 'invalid_fix', field: '/data/lat' });
    phone.send({ type: 'location_update', driverId: 'somebody-else', ...CENTRE });
    expect(await phone.next('error')).toMatchObject({ code: 'not_found' });
    const rider = await dial(server, { token: await server.token('passenger', 'p') });
    rider.send({ type: 'location_update', driverId: 'p', ...CENTRE });
    expect(await rider.next('error')).toMatchObject({ code: 'forbidden' });
    await Promise.all([phone.close(), rider.close()]);
  });

  it('is unknown to a server that does not serve the dialect', async () => {
    const bare = await startServer({ env: { DIALECTS: 'none' } });
    const phone = await dial(bare, { token: await bare.token('driver', 'car-a') });
    phone.send({ type: 'location_update', ...CENTRE });
    expect(await phone.next('error')).toMatchObject({ code: 'unknown_type' });
    await phone.close();
    await bare.stop();
  });
});

describe('ride_status [H2]', () => {
  it('comes beside snapshot and events for those who want it, with the ETA of the next stop', async () => {
    const car = unique('car');
    const id = await create(ride({ driverId: car }));
    const wants = await dial(server, { token: await server.token('admin') });
    const plain = await dial(server, { token: await server.token('admin') });
    await wants.ask({ type: 'subscribe', feed: `trip:${id}`, events: ['ride_status'] });
    expect(await wants.next('ride_status')).toEqual({
      type: 'ride_status',
      rideId: id,
      status: 'PENDING',
      eta: null,
      message: expect.any(String),
    });
    await plain.ask({ type: 'subscribe', feed: `trip:${id}` });
    await staff.post(`/v1/drivers/${car}/locations`, { ...north(-2_000), speed: 60 });
    const { etas } = await wants.next('location');
    await status(id, 'EN_ROUTE');
    expect(await wants.next('ride_status')).toMatchObject({ status: 'EN_ROUTE', eta: etas?.[0]?.at });
    await plain.next('event', ({ event }) => event.kind === 'status' && event.status === 'EN_ROUTE');
    expect(plain.all('ride_status')).toEqual([]);
    await Promise.all([wants.close(), plain.close()]);
  });
});
