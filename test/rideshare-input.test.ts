import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RideHistory } from '../packages/server/src/dialects/rideshare/messages.ts';
import { unique } from './support/places.ts';
import { caller } from './support/rest.ts';
import { createRide, dialRide, fixAt, oldToken, type RidePeer, refusedRide, ridePath } from './support/rideshare.ts';
import { startServer, type TestServer } from './support/server.ts';

let server: TestServer;
let limited: TestServer;

beforeAll(async () => {
  const env = { REST_RATE_LIMIT_PER_MINUTE: '1000000' };
  [server, limited] = await Promise.all([
    startServer({ env: { ...env, LOCATION_UPDATE_RATE_LIMIT: '0' } }),
    startServer({ env: { ...env, LOCATION_UPDATE_RATE_LIMIT: '60' } }),
  ]);
  await createRide(server, 'bad', 'dan', [{ id: 'b', passenger: 'pia' }]);
});

afterAll(() => Promise.all([server.stop(), limited.stop()]));

/** A driver and a passenger of a ride of their own. */
async function pair(to = server): Promise<{ ride: string; dan: string; pia: string; driver: RidePeer; passenger: RidePeer }> {
  const [ride, dan, pia] = [unique('ride'), unique('dan'), unique('pia')];
  await createRide(to, ride, dan, [{ id: 'b', passenger: pia }]);
  const passenger = await dialRide(to, ride, 'passenger', pia);
  return { ride, dan, pia, passenger, driver: await dialRide(to, ride, 'driver', dan) };
}

describe('a bad message of a driver', () => {
  it.each([
    '{',
    '',
    'null',
    '7',
    '[]',
    '"ping"',
    'ping',
    '{}',
    '{"lat":NaN,"lng":1,"timestamp":1}',
    '{"lat":Infinity,"lng":1,"timestamp":1}',
    '{"lat":1e309,"lng":1,"timestamp":1}',
    '{"lat":"1","lng":1,"timestamp":1}',
    '{"lat":91,"lng":1,"timestamp":1}',
    '{"lat":1,"lng":1}',
    '{"lat":null,"lng":1,"timestamp":1}',
    '{"lat":1,"lng":1,"timestamp":"2026-02-30T00:00:00Z"}',
    '{"lat":1,"lng":1,"timestamp":"2026-01-05T10:00:00"}',
    '{"lat":1,"lng":1,"timestamp":1,"speed":-1}',
    '{"lat":1,"lng":1,"timestamp":1,"bearing":360}',
    '{"lat":1,"lng":1,"timestamp":1,"ride_id":"theirs"}',
    '{"lat":1,"lng":1,"timestamp":1,"driver":"olga"}',
    '{"lat":1,"lng":1,"timestamp":1,"__proto__":{"a":1}}',
    '{"lat":1,"lng":1,"timestamp":1,"constructor":{"prototype":{"a":1}}}',
    '{"type":"fix","lat":1,"lng":1,"timestamp":1}',
    '{"type":"ping","more":1}',
    `${'['.repeat(8_000)}${']'.repeat(8_000)}`,
  ])('%s is told as invalid_location, and the socket stays [R6]', async (text) => {
    const driver = await dialRide(server, 'bad', 'driver', 'dan');
    driver.raw(text);
    expect(await driver.next('error')).toEqual({ type: 'error', code: 'invalid_location', message: expect.any(String) });
    await driver.roundTrip();
    await driver.close();
  });

  it('in a binary frame is one too, a good fix after it counts, and nothing of the bad ones is kept [R6]', async () => {
    const { driver, passenger, ride, pia } = await pair();
    driver.raw(Buffer.from(JSON.stringify(fixAt(100))));
    driver.raw(Buffer.alloc(0));
    for (let i = 0; i < 2; i++) expect(await driver.next('error')).toMatchObject({ code: 'invalid_location' });
    driver.send(fixAt(200));
    await passenger.next('location_update');
    const history = (await caller(server, oldToken(pia)).get(`/api/v1/tracking/ride/${ride}/history`)).as(RideHistory);
    expect(history.count).toBe(1);
  });

  it('fifty times in a row closes it, 4400; a good one in between starts the count anew [R6 L5]', async () => {
    const { driver } = await pair();
    for (let round = 0; round < 2; round++) {
      for (let i = 0; i < 49; i++) driver.raw('{');
      await driver.roundTrip();
    }
    for (let i = 0; i < 49; i++) driver.raw('{');
    driver.send(fixAt(100));
    await driver.roundTrip();
    for (let i = 0; i < 50; i++) driver.send({ lat: 91 });
    expect(await driver.closed()).toEqual({ code: 4400, reason: 'too_many_bad_messages' });
  });

  it('over 16 KB closes it, 1009 [R6 L3]', async () => {
    const { driver } = await pair();
    driver.raw('{"type":"ping"}'.padEnd(16_384, ' '));
    await driver.next('pong');
    driver.raw('{"type":"ping"}'.padEnd(16_385, ' '));
    expect((await driver.closed()).code).toBe(1009);
  });
});

describe('a passenger that writes', () => {
  it('is refused by name, the socket stays, and nothing is kept [R6]', async () => {
    const { driver, passenger, ride, pia } = await pair();
    for (const text of [JSON.stringify(fixAt(100)), '{', '7', '{"type":"subscribe"}']) {
      passenger.raw(text);
      expect(await passenger.next('error')).toMatchObject({ code: 'forbidden' });
    }
    passenger.raw(Buffer.from('{"type":"ping"}'));
    expect(await passenger.next('error')).toMatchObject({ code: 'forbidden' });
    await passenger.roundTrip();
    driver.send(fixAt(200));
    await passenger.next('location_update');
    const history = (await caller(server, oldToken(pia)).get(`/api/v1/tracking/ride/${ride}/history`)).as(RideHistory);
    expect(history.count).toBe(1);
  });

  it('fifty times in a row is closed, 4400 [R6 L5]', async () => {
    const { passenger } = await pair();
    for (let i = 0; i < 50; i++) passenger.send(fixAt(i));
    expect((await passenger.closed()).code).toBe(4400);
  });
});

describe('limits', () => {
  it('ten fixes go at once, more are refused by name with when to come back, and that is no bad message [R6 L1]', async () => {
    const { driver, passenger } = await pair(limited);
    for (let i = 0; i < 70; i++) driver.send(fixAt(i));
    await driver.roundTrip();
    const errors = driver.all('error');
    expect(errors).toHaveLength(60);
    for (const error of errors) expect(error).toMatchObject({ code: 'rate_limited', retryAfter: expect.any(Number) });
    await passenger.next('location_update');
    await passenger.roundTrip();
    expect(passenger.all('location_update')).toHaveLength(10);
  });

  it('a driver has so many sockets; those of the same ride that it replaces do not count [R3 R7 L4]', async () => {
    const dan = unique('dan');
    const rides = [unique('ride'), unique('ride'), unique('ride'), unique('ride')] as const;
    for (const ride of rides) await createRide(server, ride, dan, []);
    const drivers: RidePeer[] = [];
    for (const ride of rides.slice(0, 3)) {
      const driver = await dialRide(server, ride, 'driver', dan);
      await driver.next('connected');
      drivers.push(driver);
    }
    const { status, headers } = await refusedRide(server, ridePath(rides[3], 'driver', oldToken(dan)));
    expect(status).toBe(429);
    expect(Number(headers['retry-after'])).toBeGreaterThan(0);
    const again = await dialRide(server, rides[0], 'driver', dan);
    await again.next('connected');
    expect(await drivers[0]?.closed()).toEqual({ code: 4001, reason: 'replaced' });
    await drivers[1]?.close();
    const fourth = await dialRide(server, rides[3], 'driver', dan);
    await fourth.next('connected');
  });
});

describe('whatever comes', () => {
  const fix = fc.record(
    {
      lat: fc.oneof(fc.double(), fc.jsonValue()),
      lng: fc.oneof(fc.double(), fc.jsonValue()),
      timestamp: fc.oneof(fc.integer(), fc.date().map(String), fc.jsonValue()),
      speed: fc.oneof(fc.double(), fc.jsonValue()),
      type: fc.constantFrom('ping', 'fix', '__proto__', null),
    },
    { requiredKeys: [] },
  );
  const message = fc.oneof(
    fix.map((value) => JSON.stringify(value)),
    fc.json(),
    fc.string({ unit: 'binary' }),
    fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes)),
  );

  it.each(['driver', 'passenger'] as const)(
    'on the socket of a %s is taken or refused by name, and the next good fix counts [R6 L5]',
    async (side) => {
      const { ride, dan, pia, driver, passenger } = await pair();
      await fc.assert(
        fc.asyncProperty(fc.array(message, { minLength: 1, maxLength: 60 }), async (burst) => {
          const peer = await dialRide(server, ride, side, side === 'driver' ? dan : pia);
          for (const one of burst) peer.raw(one);
          peer.send({ type: 'ping' });
          const end = await Promise.race([peer.next('pong').then(() => null), peer.closed()]);
          expect(end === null || end.code === 4400).toBe(true);
          expect(peer.all('error').map(({ code }) => code)).not.toContain('internal');
          peer.socket.terminate();
        }),
        { numRuns: 40 },
      );
      const good = side === 'driver' ? await dialRide(server, ride, 'driver', dan) : driver;
      // Newer than whatever was believed above.
      good.send(fixAt(100, { timestamp: Date.now() + 50_000 }));
      await passenger.next('location_update');
      await passenger.roundTrip();
    },
  );

  it('in the path and the query of the handshake is refused with 4xx [R3]', async () => {
    const part = fc.oneof(
      fc.string(),
      fc.string({ unit: 'binary' }),
      fc.constantFrom('..', '%', '%00', '%ff', 'bad', oldToken('dan'), 'a.b.c'),
    );
    await fc.assert(
      fc.asyncProperty(part, fc.constantFrom('driver', 'passenger', 'status', ''), part, async (ride, side, token) => {
        const path = `/api/v1/tracking/ride/${encodeURIComponent(ride.toWellFormed())}/${side}?token=${encodeURIComponent(token.toWellFormed())}`;
        // The one good one of them all.
        fc.pre(!(ride === 'bad' && side === 'driver' && token.length > 100));
        const { status } = await refusedRide(server, path);
        expect(status).toBeGreaterThanOrEqual(400);
        expect(status).toBeLessThan(500);
      }),
      { numRuns: 150 },
    );
  });
});
