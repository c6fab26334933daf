import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { dialTracking, startSession } from './support/delivery.ts';
import { connect } from './support/fleet-client.ts';
import { dial } from './support/peer.ts';
import { north, type Place, unique } from './support/places.ts';
import { type Caller, caller } from './support/rest.ts';
import { createRide, dialRide } from './support/rideshare.ts';
import { startServer, type TestServer } from './support/server.ts';

let server: TestServer;
let staff: Caller;

beforeAll(async () => {
  server = await startServer({
    env: {
      LOCATION_UPDATE_RATE_LIMIT: '0',
      REST_RATE_LIMIT_PER_MINUTE: '1000000',
      MAX_CONNECTIONS_PER_DRIVER: '10',
      MAX_PLAUSIBLE_SPEED_KMH: '0',
    },
  });
  staff = caller(server, await server.token('service', 'ship'));
});
afterAll(() => server.stop());

/** Somebody who sends positions or looks on, in whatever words. */
interface Sender {
  send(at: Place): unknown;
  close(): unknown;
}
interface Watcher {
  /** Resolves once this position was shown. */
  sees(at: Place): Promise<unknown>;
  /** Resolves once the arrival at the pickup was told. */
  hearsArrival?(): Promise<unknown>;
  close(): unknown;
}

const now = () => new Date().toISOString();
const near = (a: number, b: number) => Math.abs(a - b) < 1e-6;

const SENDERS: Readonly<Record<string, (ride: string, car: string) => Promise<Sender>>> = {
  rideshare: async (ride, car) => {
    const peer = await dialRide(server, ride, 'driver', car);
    return { send: (at) => peer.send({ ...at, timestamp: now() }), close: () => peer.close() };
  },
  fleet: async (_, car) => {
    const client = await connect(server.url, await server.token('driver', car));
    return { send: ({ lat, lng }) => client.ask('driver:location', { latitude: lat, longitude: lng }), close: () => client.close() };
  },
  hybrid: async (_, car) => {
    const peer = await dial(server, { token: await server.token('driver', car) });
    return { send: (at) => peer.send({ type: 'location_update', data: { ...at, timestamp: Date.now() } }), close: () => peer.close() };
  },
  native: async (_, car) => {
    const peer = await dial(server, { token: await server.token('driver', car) });
    return { send: (at) => peer.send({ type: 'fix', ...at, timestamp: now() }), close: () => peer.close() };
  },
  REST: async (_, car) => ({ send: (at) => staff.post(`/v1/drivers/${car}/locations`, at), close: () => undefined }),
};

const WATCHERS: Readonly<Record<string, (ride: string, car: string, passenger: string) => Promise<Watcher>>> = {
  rideshare: async (ride, _, passenger) => {
    const peer = await dialRide(server, ride, 'passenger', passenger);
    await peer.next('connected');
    const sees = async (at: Place): Promise<unknown> => {
      const update = await peer.next('location_update');
      return near(Number(update.lat), at.lat) ? update : sees(at);
    };
    return { sees, hearsArrival: () => peer.next('geofence_event'), close: () => peer.close() };
  },
  fleet: async (ride, car, passenger) => {
    const client = await connect(server.url, await server.token('passenger', passenger));
    expect(await client.ask('rider:subscribe', { driverId: car, tripId: ride })).toMatchObject({ ok: true });
    return { sees: (at) => client.next('driver:location', ({ latitude }) => near(latitude, at.lat)), close: () => client.close() };
  },
  native: async (ride, _, passenger) => {
    const peer = await dial(server, { token: await server.token('passenger', passenger) });
    expect(await peer.ask({ type: 'subscribe', feed: `trip:${ride}` })).toMatchObject({ type: 'subscribed' });
    return {
      sees: (at) => peer.next('location', ({ lat }) => near(lat, at.lat)),
      hearsArrival: () => peer.next('event', ({ event }) => event.kind === 'arrived'),
      close: () => peer.close(),
    };
  },
};

describe('a ride', () => {
  it.each(Object.keys(SENDERS))('driven by a %s client is seen by all the others at the same time', async (kind) => {
    const [ride, car, passenger] = [unique('ride'), unique('car'), unique('passenger')];
    await createRide(server, ride, car, [{ id: 'b1', passenger }]);
    const sender = await (SENDERS[kind] as (typeof SENDERS)[string])(ride, car);
    const watchers = await Promise.all(Object.values(WATCHERS).map((watch) => watch(ride, car, passenger)));
    for (const metres of [-3_000, -2_900, -2_800]) {
      const at = north(metres);
      const seen = watchers.map((watcher) => watcher.sees(at));
      await sender.send(at);
      await Promise.all(seen);
    }
    const heard = watchers.flatMap((watcher) => (watcher.hearsArrival === undefined ? [] : [watcher.hearsArrival()]));
    expect(heard).toHaveLength(2);
    await sender.send(north(-50));
    await Promise.all(heard);
    await Promise.all([sender, ...watchers].map((one) => one.close()));
  });

  it('driven by five clients of one driver at once is one ride, its arrival one event', async () => {
    const [ride, car, passenger] = [unique('ride'), unique('car'), unique('passenger')];
    await createRide(server, ride, car, [{ id: 'b1', passenger }]);
    const senders = await Promise.all(Object.values(SENDERS).map((send) => send(ride, car)));
    const watcher = await (WATCHERS.native as (typeof WATCHERS)[string])(ride, car, passenger);
    for (const metres of [-2_000, -400, -50]) await Promise.all(senders.map((sender) => sender.send(north(metres))));
    await watcher.hearsArrival?.();
    const { events } = (await staff.get(`/v1/trips/${ride}/history`)).json() as { events: { id: string; kind: string }[] };
    expect(events.filter(({ kind }) => kind === 'approaching' || kind === 'arrived').map(({ id }) => id)).toEqual([
      `${ride}/b1.p/approaching`,
      `${ride}/b1.p/arrived`,
    ]);
    await Promise.all([watcher, ...senders].map((one) => one.close()));
  });
});

describe('a delivery', () => {
  it('whose courier sends over REST, Socket.IO or the stream is seen by its public page and by the stream', async () => {
    const { session, rider, riderId } = await startSession(server, {});
    const page = await dialTracking(server, session.tracking_id);
    await page.next('initial_state');
    const watcher = await dial(server, { token: await server.token('admin') });
    await watcher.ask({ type: 'subscribe', feed: `trip:${session.tracking_id}` });
    const senders: ((at: Place) => unknown)[] = [
      (at) => rider.post(`/tracking/update/${session.tracking_id}`, { ...at, status: 'PICKED_UP' }),
    ];
    const [fleet, native] = await Promise.all([SENDERS.fleet?.('', riderId), SENDERS.native?.('', riderId)]);
    for (const one of [fleet, native]) if (one !== undefined) senders.push((at) => one.send(at));
    for (const [index, send] of senders.entries()) {
      const at = north(-3_000 + 100 * index);
      const seen = [
        page.next('location_update', ({ data }) => near(data.current_location?.lat ?? 0, at.lat)),
        watcher.next('location', ({ lat }) => near(lat, at.lat)),
      ];
      await send(at);
      await Promise.all(seen);
    }
    expect(watcher.all('event').filter(({ event }) => event.kind === 'status')).toHaveLength(1);
    await Promise.all([page, watcher, fleet, native].map((one) => one?.close()));
  });
});
