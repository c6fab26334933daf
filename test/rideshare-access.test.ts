import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RideHistory, RideStatus } from '../packages/server/src/dialects/rideshare/messages.ts';
import { inSeconds, jwt, unsigned } from './support/jwt.ts';
import { caller, withoutTrace } from './support/rest.ts';
import { createRide, dialRide, moveRide, oldToken, openPath, refusedRide, ridePath } from './support/rideshare.ts';
import { startServer, type TestServer } from './support/server.ts';
import { until } from './support/until.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startServer({ env: { REST_RATE_LIMIT_PER_MINUTE: '1000000', LOCATION_UPDATE_RATE_LIMIT: '0' } });
  await createRide(server, 'mine', 'dan', [
    { id: 'b1', passenger: 'pia' },
    { id: 'b2', passenger: 'pending-pat', status: 'pending' },
    { id: 'b3', passenger: 'rejected-rob', status: 'rejected' },
    { id: 'b4', passenger: 'cancelled-cat', status: 'cancelled' },
    { id: 'b5', passenger: 'completed-cora', status: 'completed' },
  ]);
  await createRide(server, 'theirs', 'olga', [{ id: 'b1', passenger: 'paul' }]);
  await createRide(server, 'over', 'dan', [{ id: 'b1', passenger: 'pia' }]);
  await moveRide(server, 'over', 'CANCELLED');
  const rest = caller(server, await server.token('dispatcher'));
  const parcel = { id: 'parcel', kind: 'delivery', driverId: 'dan', stops: [{ type: 'dropoff', lat: 1, lng: 1, partyId: 'pia' }] };
  expect((await rest.post('/v1/trips', parcel)).status).toBe(201);
});

afterAll(() => server.stop());

const SIDES = ['driver', 'passenger'] as const;
const OWNERS = { driver: 'dan', passenger: 'pia' } as const;
const email = 'x@rides.example';

describe('the handshake', () => {
  it('takes the driver of the ride, and whoever has a booking that holds [R2]', async () => {
    const guests = [
      ['driver', 'dan', 'mine'],
      ['passenger', 'pia', 'mine'],
      ['passenger', 'completed-cora', 'mine'],
      ['passenger', 'pia', 'over'],
    ] as const;
    for (const [side, user, ride] of guests) {
      const peer = await dialRide(server, ride, side, user);
      await peer.next('connected');
      await peer.close();
    }
  });

  it('takes the token by header as well, whatever role it names [R1]', async () => {
    const authorization = `Bearer ${oldToken('dan', { role: 'passenger' })}`;
    const peer = await openPath(server.url, ridePath('mine', 'driver'), { headers: { authorization } });
    await peer.next('connected');
    await peer.close();
  });

  it.each<[string, (side: (typeof SIDES)[number]) => string]>([
    ['no token', (side) => ridePath('mine', side)],
    ['an empty token', (side) => ridePath('mine', side, '')],
    ['nonsense', (side) => ridePath('mine', side, 'a.b.c')],
    ['an expired token', (side) => ridePath('mine', side, oldToken(OWNERS[side], { exp: inSeconds(-60) }))],
    ['a token without an end', (side) => ridePath('mine', side, oldToken(OWNERS[side], { exp: undefined }))],
    ['a token that is not valid yet', (side) => ridePath('mine', side, oldToken(OWNERS[side], { nbf: inSeconds(60) }))],
    ['a token by another secret', (side) => ridePath('mine', side, jwt({ user_id: OWNERS[side], email }, { secret: 'x'.repeat(32) }))],
    ['a token that nobody signed', (side) => ridePath('mine', side, unsigned({ user_id: OWNERS[side], email }, 'none'))],
    ['a token without an email', (side) => ridePath('mine', side, jwt({ user_id: OWNERS[side] }))],
    ['a token without a user', (side) => ridePath('mine', side, jwt({ email }))],
    ['a token with sub for user_id', (side) => ridePath('mine', side, jwt({ sub: OWNERS[side], email, role: side }))],
    ['a token whose email is a number', (side) => ridePath('mine', side, jwt({ user_id: OWNERS[side], email: 7 }))],
    ['an unknown ride', (side) => ridePath('unheard', side, oldToken(OWNERS[side]))],
    ['a name that is none', (side) => ridePath('a%20b', side, oldToken(OWNERS[side]))],
    ["somebody else's ride", (side) => ridePath('theirs', side, oldToken(OWNERS[side]))],
    ['a trip that is no ride', (side) => ridePath('parcel', side, oldToken(OWNERS[side]))],
    ['the part of the other', (side) => ridePath('mine', side, oldToken(side === 'driver' ? 'pia' : 'dan'))],
    ['an admin who is neither', (side) => ridePath('mine', side, oldToken('boss', { role: 'admin' }))],
  ])('with %s is refused, 403 [R1 R3]', async (_what, path) => {
    for (const side of SIDES) {
      const { status, body } = await refusedRide(server, path(side));
      expect(status).toBe(403);
      expect(JSON.parse(body)).toMatchObject({ status: 403 });
    }
  });

  it.each(['pending-pat', 'rejected-rob', 'cancelled-cat'])('by %s is refused, 403 [R2 R3]', async (user) => {
    expect((await refusedRide(server, ridePath('mine', 'passenger', oldToken(user)))).status).toBe(403);
  });

  it('on a ride that is over is refused to its driver, 403 [R2 R3]', async () => {
    expect((await refusedRide(server, ridePath('over', 'driver', oldToken('dan')))).status).toBe(403);
  });

  it('does not tell an unknown ride from one of others [R3]', async () => {
    for (const side of SIDES) {
      const [unknown, foreign] = [
        await refusedRide(server, ridePath('unheard', side, oldToken('dan'))),
        await refusedRide(server, ridePath('theirs', side, oldToken('dan'))),
      ];
      expect(withoutTrace(unknown.body)).toBe(withoutTrace(foreign.body));
    }
  });

  it('from a page of a foreign origin is refused, 403 [R3 S9]', async () => {
    const path = ridePath('mine', 'passenger', oldToken('pia'));
    expect((await refusedRide(server, path, { origin: 'https://elsewhere.example' })).status).toBe(403);
  });

  it('writes no token to the log [R1]', async () => {
    const token = oldToken('a-user-the-log-must-not-know');
    await refusedRide(server, ridePath('mine', 'passenger', token));
    await refusedRide(server, ridePath('mine', 'passenger', `${token}x`));
    expect(server.output()).not.toContain(token.slice(40, 80));
  });
});

describe('a token that ends', () => {
  it('closes the socket, 4401, and its passenger is counted no more [R3 L6]', async () => {
    const token = oldToken('pia', { exp: inSeconds(2) });
    const peer = await openPath(server.url, ridePath('over', 'passenger', token));
    expect((await peer.closed(35_000)).code).toBe(4401);
    expect(peer.all('error')).toMatchObject([{ code: 'token_expired' }]);
    const rest = caller(server, oldToken('pia'));
    await until(
      async () => (await rest.get('/api/v1/tracking/ride/over/status')).as(RideStatus).passengers_connected,
      (count) => count === 0,
    );
  }, 40_000);
});

describe('status and history', () => {
  const PATHS = [
    ['status', RideStatus],
    ['history', RideHistory],
  ] as const;
  const path = (ride: string, what: string) => `/api/v1/tracking/ride/${ride}/${what}`;

  it.each(PATHS)('%s is for participants and admins [R15]', async (what, schema) => {
    const readers = [
      oldToken('dan'),
      oldToken('pia'),
      oldToken('completed-cora'),
      await server.token('driver', 'dan'),
      await server.token('passenger', 'pia'),
      await server.token('admin', 'boss'),
      oldToken('boss', { role: 'superadmin' }),
    ];
    for (const token of readers) (await caller(server, token).get(path('mine', what))).as(schema);
    expect((await caller(server, oldToken('pia')).get(path('over', what))).as(schema)).toMatchObject({ ride_id: 'over' });
  });

  it.each(PATHS)('%s is 403 for others, on a ride that does not exist as well [R15]', async (what) => {
    const others = [
      oldToken('paul'),
      oldToken('pending-pat'),
      oldToken('rejected-rob'),
      await server.token('driver', 'pia'),
      await server.token('passenger', 'dan'),
      await server.token('merchant', 'pia'),
      await server.token('dispatcher', 'dora'),
      jwt({ user_id: 'pia' }),
    ];
    for (const token of others) {
      const foreign = await caller(server, token).get(path('mine', what));
      foreign.problem('forbidden');
      expect(withoutTrace((await caller(server, token).get(path('unheard', what))).text)).toBe(withoutTrace(foreign.text));
    }
    (await caller(server, oldToken('pia')).get(path('parcel', what))).problem('forbidden');
  });

  it.each(PATHS)('%s is 401 without a good token, and 404 only to an admin [R15]', async (what) => {
    (await caller(server).get(path('mine', what))).problem('unauthenticated');
    (await caller(server, 'nonsense').get(path('mine', what))).problem('unauthenticated');
    (await caller(server, oldToken('pia', { exp: inSeconds(-60) })).get(path('mine', what))).problem('token_expired');
    (await caller(server, jwt({ email })).get(path('mine', what))).problem('unauthenticated');
    (await caller(server, await server.token('admin')).get(path('unheard', what))).problem('not_found');
    (await caller(server, await server.token('admin')).get(path('a%20b', what))).problem('bad_request');
  });

  it.each(PATHS)(
    '%s is open to all with RIDESHARE_PUBLIC_STATUS, an unknown ride 404, and calls are counted [R15 L2]',
    async (what, schema) => {
      const open = await startServer({ env: { RIDESHARE_PUBLIC_STATUS: 'true', REST_RATE_LIMIT_PER_MINUTE: '20' } });
      await createRide(open, 'mine', 'dan', []);
      expect((await caller(open).get(path('mine', what))).as(schema)).toMatchObject({ ride_id: 'mine' });
      (await caller(open).get(path('unheard', what))).problem('not_found');
      (await caller(open, 'nonsense').get(path('mine', what))).problem('unauthenticated');
      let answer = await caller(open).get(path('mine', what));
      for (let i = 0; i < 20 && answer.status === 200; i++) answer = await caller(open).get(path('mine', what));
      answer.problem('rate_limited');
      await open.stop();
    },
  );
});
