import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TripView } from '../packages/protocol/src/index.ts';
import { DeliverySession, Progress, PublicSession } from '../packages/server/src/dialects/delivery/messages.ts';
import { callerAs, closed, startSession, tokenOf, trackingId } from './support/delivery.ts';
import { jwt } from './support/jwt.ts';
import { CENTRE, delivery, north, unique } from './support/places.ts';
import { type Answer, type Caller, caller } from './support/rest.ts';
import { startServer, type TestServer } from './support/server.ts';

let server: TestServer;
let anybody: Caller;
let boss: Caller;

beforeAll(async () => {
  server = await startServer({
    env: { REST_RATE_LIMIT_PER_MINUTE: '1000000', LOCATION_UPDATE_RATE_LIMIT: '0', MAX_PLAUSIBLE_SPEED_KMH: '0' },
  });
  anybody = caller(server);
  boss = callerAs(server, 'superadmin');
});

afterAll(() => server.stop());

const seconds = () => Math.floor(Date.now() / 1000);
const exactly = (answer: Answer, schema: Parameters<typeof closed>[0]) => {
  const shape = closed(schema);
  const body = answer.json();
  if (!shape.check(body)) throw new Error(`${JSON.stringify(shape.failure(body))} in ${answer.text}`);
};
const start = (by: Caller, riderId: string, more: object = {}) =>
  by.post('/tracking/start', { order_id: unique('order'), rider_id: riderId, dropoff_lat: CENTRE.lat, dropoff_lng: CENTRE.lng, ...more });

describe('POST /tracking/start', () => {
  it('answers the session, 200 [Y1 Y4]', async () => {
    const riderId = unique('rider');
    const before = seconds();
    const answer = await start(callerAs(server, 'rider', riderId), riderId, { order_id: 'order-1', phone: '+49 30 1' });
    const session = answer.as(DeliverySession);
    exactly(answer, DeliverySession);
    expect(session).toMatchObject({
      order_id: 'order-1',
      rider_id: riderId,
      status: 'ASSIGNED',
      current_location: null,
      dropoff: CENTRE,
      eta_seconds: null,
    });
    expect(session.updated_at).toBeGreaterThanOrEqual(before);
    expect(session.updated_at).toBeLessThanOrEqual(seconds());
  });

  it('makes ids of 160 random bits in base32 [Y2]', async () => {
    const ids = new Set<string>();
    for (let i = 0; i < 20; i++) ids.add((await startSession(server)).session.tracking_id);
    expect(ids.size).toBe(20);
    for (const id of ids) expect(id).toMatch(/^TRK-[A-Z2-7]{32}$/);
    const letters = new Set([...ids].join('').replaceAll('TRK-', ''));
    expect(letters.size).toBe(32);
  });

  it.each(['rider', 'driver', 'RIDER'])('is for the rider, as %s [Y3]', async (role) => {
    const riderId = unique('rider');
    expect((await start(callerAs(server, role, riderId), riderId)).status).toBe(200);
    expect((await start(callerAs(server, role, 'another'), riderId)).problem('forbidden').status).toBe(403);
  });

  it.each(['superadmin', 'admin', 'service'])('is for a %s, for any rider [Y3]', async (role) => {
    expect((await start(callerAs(server, role), unique('rider'))).status).toBe(200);
  });

  it.each(['merchant', 'customer', 'passenger', 'dispatcher', 'nobody-known'])('is not for a %s [Y3]', async (role) => {
    (await start(callerAs(server, role), unique('rider'))).problem('forbidden');
  });

  it('needs a token: 401 [Y3]', async () => {
    (await start(anybody, 'rider-x')).problem('unauthenticated');
    (await start(caller(server, jwt({ sub: 'r', role: 'rider', exp: 1 })), 'r')).problem('token_expired');
    (await start(caller(server, jwt({ sub: 'r', role: 'rider' }, { secret: 'somebody-elses-secret' })), 'r')).problem('unauthenticated');
  });

  it('answers the live session of an order again, to its rider and to staff, not to another rider [Y5]', async () => {
    const { session, rider, riderId } = await startSession(server, { order_id: 'twice' });
    const again = { order_id: 'twice', dropoff_lat: 1, dropoff_lng: 2 };
    expect((await start(rider, riderId, again)).as(DeliverySession)).toMatchObject({ tracking_id: session.tracking_id, dropoff: CENTRE });
    expect((await start(boss, 'somebody-else', again)).as(DeliverySession)).toMatchObject({
      tracking_id: session.tracking_id,
      rider_id: riderId,
    });
    const other = unique('rider');
    const refused = await start(callerAs(server, 'rider', other), other, again);
    refused.problem('forbidden');
    expect(refused.text).not.toContain(session.tracking_id);
    expect(refused.text).not.toContain(riderId);
  });

  it('starts anew once the order was delivered; two at once start one [Y5]', async () => {
    const { session, rider, riderId } = await startSession(server, { order_id: 'again' });
    for (const status of ['PICKED_UP', 'IN_TRANSIT', 'DELIVERED'])
      await rider.post(`/tracking/update/${session.tracking_id}`, { ...CENTRE, status });
    const both = await Promise.all([1, 2, 3].map(() => start(rider, riderId, { order_id: 'again' })));
    const ids = new Set(both.map((answer) => answer.as(DeliverySession).tracking_id));
    expect(ids.size).toBe(1);
    expect(ids).not.toContain(session.tracking_id);
  });

  it('refuses an order that a trip without a tracking id delivers [Y5]', async () => {
    await boss.post('/v1/trips', delivery({ driverId: 'd-native', orderId: 'native-order' }));
    (await start(boss, 'd-native', { order_id: 'native-order' })).problem('trip_exists');
  });
});

describe('POST /tracking/update/{id}', () => {
  it('takes a position: 2.5 km from the drop-off are 300 s [Y6 Y7]', async () => {
    const { session, rider } = await startSession(server);
    const before = seconds();
    // A hand's breadth more: places are kept to a centimetre, and seconds are cut.
    const answer = await rider.post(`/tracking/update/${session.tracking_id}`, north(2_500.1));
    const progress = answer.as(Progress);
    exactly(answer, Progress);
    expect(progress).toMatchObject({ tracking_id: session.tracking_id, status: 'ASSIGNED', eta_seconds: 300 });
    expect(progress.current_location?.lat).toBeCloseTo(north(2_500.1).lat, 6);
    expect(progress.current_location?.timestamp).toBeGreaterThanOrEqual(before);
    expect(progress.updated_at).toBe(progress.current_location?.timestamp);
    expect((await anybody.get(`/tracking/${session.tracking_id}`)).as(PublicSession)).toMatchObject({ eta_seconds: 300 });
  });

  it('never says less than a minute, and cuts to whole seconds [Y6]', async () => {
    const { session, rider } = await startSession(server);
    const eta = async (metres: number) =>
      (await rider.post(`/tracking/update/${session.tracking_id}`, north(metres))).as(Progress).eta_seconds;
    expect(await eta(0)).toBe(60);
    expect(await eta(499)).toBe(60);
    expect(await eta(516)).toBe(61);
  });

  it('moves one step at a time; the same again is nothing; anything else is 409, naming both, and the position stays [Y7 Y9]', async () => {
    const { session, rider } = await startSession(server);
    const path = `/tracking/update/${session.tracking_id}`;
    const steps = ['ASSIGNED', 'PICKED_UP', 'IN_TRANSIT', 'DELIVERED'] as const;
    let metres = 0;
    for (const [at, from] of steps.entries()) {
      expect((await rider.post(path, { ...north(++metres), status: from })).as(Progress).status).toBe(from);
      for (const [index, to] of steps.entries()) {
        if (index === at || index === at + 1) continue;
        const { detail } = (await rider.post(path, { ...north(++metres), status: to })).problem('illegal_transition');
        expect(detail).toContain(from);
        expect(detail).toContain(to);
        if (from === 'DELIVERED') continue;
        const now = (await anybody.get(`/tracking/${session.tracking_id}`)).as(PublicSession);
        expect(now.status).toBe(from);
        expect(now.current_location?.lat).toBeCloseTo(north(metres).lat, 6);
      }
    }
  });

  it('after DELIVERED keeps the last position of the way and has no ETA any more [Y6 Y10]', async () => {
    const { session, rider, riderId } = await startSession(server);
    const path = `/tracking/update/${session.tracking_id}`;
    for (const status of ['PICKED_UP', 'IN_TRANSIT', 'DELIVERED']) await rider.post(path, { ...north(30), status });
    const after = (await rider.post(path, north(4_000))).as(Progress);
    expect(after).toMatchObject({ status: 'DELIVERED', eta_seconds: null });
    expect(after.current_location?.lat).toBeCloseTo(north(30).lat, 6);
    expect((await anybody.get(`/tracking/${session.tracking_id}`)).as(PublicSession).current_location).toEqual(after.current_location);
    (await rider.get(`/tracking/rider/${riderId}`)).problem('not_found');
  });

  it('is for the rider and superadmins alone [Y3]', async () => {
    const { session } = await startSession(server);
    const path = `/tracking/update/${session.tracking_id}`;
    for (const role of ['rider', 'driver', 'merchant', 'customer', 'passenger', 'service', 'dispatcher', 'nobody-known'])
      (await callerAs(server, role, 'somebody').post(path, CENTRE)).problem('forbidden');
    (await anybody.post(path, CENTRE)).problem('unauthenticated');
    expect((await boss.post(path, CENTRE)).as(Progress).current_location).toMatchObject(CENTRE);
    (await callerAs(server, 'rider').post(`/tracking/update/${trackingId()}`, CENTRE)).problem('not_found');
  });

  it('follows the session to another rider at once [Y3]', async () => {
    const { session, rider } = await startSession(server);
    const next = unique('rider');
    (await boss.patch(`/v1/trips/${session.tracking_id}`, { driverId: next })).as(TripView);
    (await rider.post(`/tracking/update/${session.tracking_id}`, CENTRE)).problem('forbidden');
    expect((await callerAs(server, 'rider', next).post(`/tracking/update/${session.tracking_id}`, CENTRE)).status).toBe(200);
    expect((await callerAs(server, 'merchant').get(`/tracking/rider/${next}`)).as(DeliverySession).tracking_id).toBe(session.tracking_id);
  });
});

describe('GET /tracking/{id}', () => {
  it('is for anybody, whatever token they bring, without the rider [Y3]', async () => {
    const { session, riderId, rider } = await startSession(server);
    for (const by of [anybody, rider, boss, caller(server, 'no token at all'), caller(server, jwt({ sub: 'x', role: 'rider', exp: 1 }))]) {
      const answer = await by.get(`/tracking/${session.tracking_id}`);
      expect(answer.as(PublicSession)).toMatchObject({ tracking_id: session.tracking_id, status: 'ASSIGNED', dropoff: CENTRE });
      exactly(answer, PublicSession);
      expect(answer.text).not.toContain(riderId);
    }
  });

  it('is 404 for what is no session: unknown, a ride, no order, an id somebody could guess [Y2]', async () => {
    const trips = [
      { ...delivery({}), id: 'TRK-1', orderId: 'o-1' },
      { ...delivery({}), id: trackingId() },
      { ...delivery({}), kind: 'ride', id: trackingId(), orderId: 'o-2' },
      { ...delivery({}), id: trackingId(), orderId: 'o-3', stops: [] },
    ];
    for (const trip of trips) {
      (await boss.post('/v1/trips', trip)).as(TripView, 201);
      (await anybody.get(`/tracking/${trip.id}`)).problem('not_found');
    }
    for (const id of [trackingId(), 'TRK-', 'x', '%00', '..%2f', 'TRK-%F0%9F%98%80'])
      expect((await anybody.get(`/tracking/${id}`)).status).toBe(404);
  });

  it('shows a trip made over the native API under such an id, and the native API shows a session [Y2]', async () => {
    const id = trackingId();
    await boss.post('/v1/trips', { ...delivery({ driverId: 'd-1' }), id, orderId: 'o-4' });
    expect((await anybody.get(`/tracking/${id}`)).as(PublicSession)).toMatchObject({ order_id: 'o-4', dropoff: north(5_000) });
    const { session, riderId } = await startSession(server);
    expect((await boss.get(`/v1/trips/${session.tracking_id}`)).as(TripView)).toMatchObject({
      kind: 'delivery',
      driverId: riderId,
      orderId: session.order_id,
    });
  });
});

describe('an expired session', () => {
  const hour = 3_600_000;
  const made = async (at: number) => {
    const id = trackingId();
    (await boss.post('/v1/trips', { ...delivery({ driverId: unique('rider') }), id, orderId: unique('order'), at })).as(TripView, 201);
    return id;
  };

  it('is 410 a day after its start, and not a moment before [Y8]', async () => {
    const old = await made(Date.now() - 24 * hour);
    (await anybody.get(`/tracking/${old}`)).problem('session_expired');
    expect((await boss.post(`/tracking/update/${old}`, CENTRE)).problem('session_expired').status).toBe(410);
    expect((await anybody.get(`/tracking/${await made(Date.now() - 24 * hour + 30_000)}`)).status).toBe(200);
  });

  it.each(['DELIVERED', 'CANCELLED'])('is 410 an hour after it was %s [Y8]', async (last) => {
    const ended = async (at: number) => {
      const id = await made(Date.now() - 3 * hour);
      const steps = last === 'CANCELLED' ? [last] : ['PICKED_UP', 'IN_TRANSIT', last];
      for (const status of steps) (await boss.post(`/v1/trips/${id}/status`, { status, at })).as(TripView);
      return id;
    };
    (await anybody.get(`/tracking/${await ended(Date.now() - hour)}`)).problem('session_expired');
    expect((await anybody.get(`/tracking/${await ended(Date.now() - hour + 30_000)}`)).as(PublicSession).status).toBe(last);
  });
});

describe('GET /tracking/rider/{rider_id}', () => {
  it('answers the newest open session, with the rider [Y3]', async () => {
    const { session: first, rider, riderId } = await startSession(server);
    const path = `/tracking/rider/${riderId}`;
    expect((await rider.get(path)).as(DeliverySession)).toEqual(first);
    const second = (await start(rider, riderId)).as(DeliverySession);
    for (const by of [rider, boss, callerAs(server, 'merchant')]) {
      const answer = await by.get(path);
      exactly(answer, DeliverySession);
      expect(answer.as(DeliverySession)).toMatchObject({ tracking_id: second.tracking_id, rider_id: riderId });
    }
  });

  it('is for that rider, merchants and superadmins; 404 without a session [Y3]', async () => {
    const { riderId } = await startSession(server);
    for (const role of ['rider', 'customer', 'passenger', 'service', 'nobody-known'])
      (await callerAs(server, role, 'somebody').get(`/tracking/rider/${riderId}`)).problem('forbidden');
    (await anybody.get(`/tracking/rider/${riderId}`)).problem('unauthenticated');
    (await callerAs(server, 'merchant').get('/tracking/rider/nobody')).problem('not_found');
    (await boss.get('/tracking/rider/%00')).problem('not_found');
  });
});

it('a token may call its subject user_id, and list several roles [Y3]', async () => {
  const riderId = unique('rider');
  const by = caller(server, jwt({ user_id: riderId, roles: ['chef', 'rider'] }));
  expect((await start(by, riderId)).as(DeliverySession).rider_id).toBe(riderId);
});

it('tokens and roles are those of these paths alone: elsewhere a rider is a passenger [Y3 S1]', async () => {
  const { riderId } = await startSession(server);
  const here = caller(server, tokenOf('rider', riderId));
  expect((await here.post(`/v1/drivers/${riderId}/locations`, CENTRE)).status).toBe(403);
});

it('the reference has its calls and its socket [B]', async () => {
  const [calls, sockets] = await Promise.all(['/openapi.json', '/asyncapi.json'].map((path) => anybody.get(path)));
  for (const path of ['/tracking/start', '/tracking/update/{id}', '/tracking/{id}', '/tracking/rider/{rider_id}', '/stats/tracking'])
    expect(calls?.text).toContain(`"${path}"`);
  expect(sockets?.text).toContain('"/ws/tracking/{id}"');
});
