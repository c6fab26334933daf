import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { RideHistory } from '../packages/server/src/dialects/rideshare/messages.ts';
import { dial } from './support/peer.ts';
import { unique } from './support/places.ts';
import { caller } from './support/rest.ts';
import { createRide, dialRide, fixAt, oldToken, type RidePeer, refusedRide } from './support/rideshare.ts';
import { startServer, type TestServer } from './support/server.ts';
import { until } from './support/until.ts';

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

describe('a position that cannot be', () => {
  it('is told to the socket it came by, as often as it comes; the socket stays, and nobody else hears of it [R17 F4 F5]', async () => {
    const { driver, passenger, pia, ride } = await pair();
    const now = Date.now();
    driver.send(fixAt(100, { timestamp: now }));
    await passenger.next('location_update');
    const ahead = now + 3_600_000;
    driver.send(fixAt(110, { timestamp: ahead }));
    expect(await driver.next('warning')).toEqual({
      type: 'warning',
      code: 'suspect_location',
      message: expect.stringContaining('ahead'),
      timestamp: new Date(ahead).toISOString(),
    });
    driver.send(fixAt(90_000, { timestamp: now + 1_000 }));
    expect(await driver.next('warning')).toMatchObject({
      message: expect.stringContaining('too far'),
      timestamp: new Date(now + 1_000).toISOString(),
    });
    for (let n = 0; n < 60; n++) driver.send(fixAt(120, { timestamp: ahead + n }));
    await until(
      () => driver.all('warning').length,
      (count) => count >= 62,
    );
    driver.send(fixAt(130, { timestamp: now + 2_000 }));
    expect(await passenger.next('location_update')).toMatchObject({ timestamp: new Date(now + 2_000).toISOString() });
    await driver.roundTrip();
    expect(driver.all('warning')).toHaveLength(62);
    expect(driver.all('error')).toEqual([]);
    expect(passenger.all('warning')).toEqual([]);
    const history = (await caller(server, oldToken(pia)).get(`/api/v1/tracking/ride/${ride}/history`)).as(RideHistory);
    expect(history.count).toBe(2);
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

  it('on connections keep no driver out of its rides, but count its sockets for the other surfaces [R7 L4]', async () => {
    const dan = unique('dan');
    const drivers: RidePeer[] = [];
    for (let n = 0; n < 5; n++) {
      const ride = unique('ride');
      await createRide(server, ride, dan, []);
      drivers.push(await dialRide(server, ride, 'driver', dan));
    }
    for (const driver of drivers) await driver.roundTrip();
    await expect(dial(server, { token: await server.token('driver', dan) })).rejects.toThrow('429');
  });

  it('of eight sockets of a driver that come at once for a ride one stays, seven are replaced, none is refused [R7]', async () => {
    const { ride, dan, passenger, driver } = await pair();
    const all = [driver, ...(await Promise.all(Array.from({ length: 7 }, () => dialRide(server, ride, 'driver', dan))))];
    const open = await until(
      () => all.filter((peer) => peer.isOpen),
      (seen) => seen.length <= 1,
    );
    expect(open).toHaveLength(1);
    for (const peer of all) if (!peer.isOpen) expect(await peer.closed()).toEqual({ code: 4001, reason: 'replaced' });
    open[0]?.send(fixAt(100));
    await passenger.next('location_update');
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
