import { afterAll, beforeAll, expect, it } from 'vitest';
import { TripView } from '../packages/protocol/src/index.ts';
import { TrackingStats } from '../packages/server/src/dialects/delivery/messages.ts';
import { callerAs, closed, dialTracking, startSession, trackingId } from './support/delivery.ts';
import { CENTRE, delivery, north, unique } from './support/places.ts';
import { type Caller, caller } from './support/rest.ts';
import { startServer, type TestServer } from './support/server.ts';
import { until } from './support/until.ts';

let server: TestServer;
let boss: Caller;
const env = { REST_RATE_LIMIT_PER_MINUTE: '1000000', LOCATION_UPDATE_RATE_LIMIT: '0' };

beforeAll(async () => {
  server = await startServer({ env });
  boss = callerAs(server, 'superadmin');
});

afterAll(() => server.stop());

const MINUTE = 60_000;
const STEPS = ['PICKED_UP', 'IN_TRANSIT', 'DELIVERED'];

const stats = async (by = boss): Promise<TrackingStats> => (await by.get('/stats/tracking')).as(TrackingStats);

/** A session begun then, moved so far then. */
async function session(ago: number, steps: number, last = ago): Promise<string> {
  const id = trackingId();
  const now = Date.now();
  const input = { ...delivery({ driverId: unique('rider') }), id, orderId: unique('order'), at: now - ago };
  (await boss.post('/v1/trips', input)).as(TripView, 201);
  for (const status of STEPS.slice(0, steps)) (await boss.post(`/v1/trips/${id}/status`, { status, at: now - last })).as(TripView);
  return id;
}

it('counts sessions that have not expired by status and by their last change, over a restart, too [Y11]', async () => {
  expect(await stats()).toEqual({
    total_active_sessions: 0,
    total_websocket_connections: 0,
    status_distribution: { ASSIGNED: 0, PICKED_UP: 0, IN_TRANSIT: 0, DELIVERED: 0 },
    sessions_by_recency: { last_5_min: 0, last_hour: 0, older: 0 },
  });
  await session(MINUTE, 0);
  await session(10 * MINUTE, 0);
  await session(1_000 * MINUTE, 0);
  await session(1_000 * MINUTE, 1, 4 * MINUTE);
  await session(1_000 * MINUTE, 2, 59 * MINUTE);
  await session(1_000 * MINUTE, 3, 50 * MINUTE);
  // Expired, cancelled, and no sessions at all.
  await session(1_440 * MINUTE, 0);
  await session(1_000 * MINUTE, 3, 60 * MINUTE);
  const cancelled = await session(MINUTE, 0);
  await boss.post(`/v1/trips/${cancelled}/status`, { status: 'CANCELLED' });
  await boss.post('/v1/trips', delivery({ orderId: unique('order') }));
  await boss.post('/v1/trips', delivery({}));
  const expected = {
    total_active_sessions: 6,
    total_websocket_connections: 0,
    status_distribution: { ASSIGNED: 3, PICKED_UP: 1, IN_TRANSIT: 1, DELIVERED: 1 },
    sessions_by_recency: { last_5_min: 2, last_hour: 3, older: 1 },
  };
  await until(stats, (seen) => JSON.stringify(seen) === JSON.stringify(expected), 5_000);
  await server.kill();
  server = await startServer({ dataDir: server.dataDir, env });
  boss = callerAs(server, 'superadmin');
  expect(await stats()).toEqual(expected);
  expect(closed(TrackingStats).check(await stats())).toBe(true);
});

it('knows of positions and statuses before the store does; a plain position makes a session recent [Y11]', async () => {
  const { total_active_sessions: before, sessions_by_recency: recency } = await stats();
  const { session: started, rider } = await startSession(server);
  const id = await session(200 * MINUTE, 0);
  await rider.post(`/tracking/update/${started.tracking_id}`, { ...CENTRE, status: 'PICKED_UP' });
  // Near no stop: of this the store learns only now and then.
  await boss.post(`/tracking/update/${id}`, north(2_000));
  const seen = await until(stats, ({ total_active_sessions }) => total_active_sessions === before + 2);
  expect(seen.sessions_by_recency).toEqual({ ...recency, last_5_min: recency.last_5_min + 2 });
});

it('is for superadmins and admins [Y3]', async () => {
  expect(await stats(callerAs(server, 'admin'))).toMatchObject({ total_active_sessions: expect.any(Number) });
  for (const role of ['rider', 'merchant', 'customer', 'service', 'dispatcher', 'nobody-known'])
    (await callerAs(server, role).get('/stats/tracking')).problem('forbidden');
  (await caller(server).get('/stats/tracking')).problem('unauthenticated');
});

it('counts sockets until they are gone, those that were refused never [Y11]', async () => {
  const { session: started } = await startSession(server);
  const count = async () => (await stats()).total_websocket_connections;
  expect(await count()).toBe(0);
  const peers = await Promise.all([1, 2, 3].map(() => dialTracking(server, started.tracking_id)));
  await (await dialTracking(server, trackingId())).closed;
  expect(await count()).toBe(3);
  await peers[0]?.close();
  await until(count, (seen) => seen === 2);
  peers[1]?.socket.terminate();
  await until(count, (seen) => seen === 1);
  await peers[2]?.close();
  await until(count, (seen) => seen === 0);
});
