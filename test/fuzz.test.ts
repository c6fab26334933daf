import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LocationList } from '../packages/protocol/src/index.ts';
import { dial, type Peer } from './support/peer.ts';
import { CENTRE, PAST, ride } from './support/places.ts';
import { type Caller, caller } from './support/rest.ts';
import { startServer, type TestServer } from './support/server.ts';

const SEED = Number(process.env.FUZZ_SEED ?? Date.now() % 2 ** 31);
const SECONDS = 8;

let server: TestServer;
let service: Caller;

beforeAll(async () => {
  server = await startServer({ env: { REST_RATE_LIMIT_PER_MINUTE: '1000000000', LOCATION_UPDATE_RATE_LIMIT: '0' } });
  service = caller(server, await server.token('service', 'ship'));
  for (const id of ['t1', 't2']) await service.post('/v1/trips', ride({ id, driverId: 'd1' }));
});

afterAll(async () => {
  const { code } = await server.stop();
  expect(code, server.output().slice(-2_000)).toBe(0);
});

/** What breaks parsers, sums and maps. */
const nasty = fc.constantFrom<unknown>(
  null,
  true,
  0,
  -0,
  -1,
  0.1,
  1e-7,
  90,
  -90,
  180,
  181,
  1e15,
  2 ** 53,
  -(2 ** 53),
  1e308,
  -1e308,
  5e-324,
  '',
  ' ',
  '0',
  'NaN',
  'Infinity',
  '__proto__',
  'constructor',
  '\u0000',
  '\ud800',
  '💥',
  'a'.repeat(65),
  "' OR 1=1 --",
  '../..',
  't1',
  'd1',
  's',
  'fleet',
  'trip:t1',
  'driver:d1',
  'EN_ROUTE',
  'ride',
  PAST,
  '2024-01-01T00:00:00Z',
  '0000-00-00T00:00:00Z',
  [],
  {},
  [[]],
  [null],
  { length: 1e9 },
  { toString: 1 },
  { toJSON: 1 },
);
const anything = fc.oneof(
  { weight: 3, arbitrary: nasty },
  { weight: 1, arbitrary: fc.jsonValue({ maxDepth: 4 }) as fc.Arbitrary<unknown> },
);
const KEYS = [
  'type',
  'lat',
  'lng',
  'timestamp',
  'speed',
  'bearing',
  'accuracy',
  'altitude',
  'seq',
  'base',
  'driver',
  'stream',
  'feed',
  'since',
  'epoch',
  'fixes',
  'ref',
  'token',
  'id',
  'kind',
  'stops',
  'labels',
  'at',
  'status',
  'location',
  'driverId',
  'name',
  'available',
  'code',
  '__proto__',
  'constructor',
  'toString',
  '',
];

interface Mutation {
  /** Which object, counted through the whole, and which of its members; one in four times a member of another name. */
  readonly where: number;
  readonly member: number;
  readonly key: string;
  readonly value: unknown;
  readonly drop: boolean;
}
const mutation: fc.Arbitrary<Mutation> = fc.record({
  where: fc.nat(99),
  member: fc.nat(99),
  key: fc.constantFrom(...KEYS),
  value: anything,
  drop: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
});

/** A copy with one member, anywhere in it, dropped, replaced or added. */
function mutate(value: unknown, { where, member, key, value: put, drop }: Mutation): unknown {
  const copy = structuredClone(value);
  const inside: Record<string, unknown>[] = [];
  const walk = (one: unknown) => {
    if (typeof one !== 'object' || one === null) return;
    inside.push(one as Record<string, unknown>);
    for (const member of Object.values(one)) walk(member);
  };
  walk(copy);
  const target = inside[where % inside.length];
  if (target === undefined) return put;
  const keys = Object.keys(target);
  const chosen = member % 4 === 0 ? key : (keys[member % (keys.length || 1)] ?? key);
  if (drop) delete target[chosen];
  else Object.defineProperty(target, chosen, { value: put, enumerable: true, configurable: true, writable: true });
  return copy;
}

const mutated = (good: readonly unknown[]): fc.Arbitrary<string> =>
  fc
    .tuple(fc.constantFrom(...good), fc.array(mutation, { minLength: 1, maxLength: 3 }))
    .map(([value, changes]) => JSON.stringify(changes.reduce<unknown>(mutate, value)) ?? 'null');

/** A message that was cut, or had some of its characters overwritten. */
const torn = (good: readonly unknown[]): fc.Arbitrary<string> =>
  fc.tuple(fc.constantFrom(...good), fc.nat(), fc.string({ unit: 'binary', maxLength: 6 })).map(([value, place, text]) => {
    const whole = JSON.stringify(value);
    const cut = place % whole.length;
    return whole.slice(0, cut) + text + whole.slice(cut + (place % 7));
  });

const MESSAGES = [
  { type: 'auth', token: 'x', ref: 'r' },
  { type: 'open', stream: 's', driver: 'd1', ref: 'r' },
  { type: 'fix', driver: 'd1', seq: 1, base: 1, ...CENTRE, timestamp: PAST, speed: 1, bearing: 1, accuracy: 1, altitude: 1 },
  {
    type: 'fixes',
    driver: 'd1',
    base: 1,
    fixes: [
      { seq: 2, ...CENTRE, timestamp: PAST },
      { ...CENTRE, timestamp: '2024-01-01T00:00:00Z' },
    ],
  },
  { type: 'subscribe', feed: 'trip:t1', since: { epoch: 'x', seq: 1 }, ref: 'r' },
  { type: 'subscribe', feed: 'driver:d1' },
  { type: 'unsubscribe', feed: 'fleet', ref: 'r' },
  { type: 'ping', ref: 'r' },
];

const STOP = {
  id: 's',
  type: 'pickup',
  ...CENTRE,
  partyId: 'p',
  bookingId: 'b',
  bookingStatus: 'approved',
  name: 'n',
  approachRadius: 1,
  arriveRadius: 1,
};
const ROUTES: [string, string, unknown[]][] = [
  [
    'POST',
    '/v1/trips',
    [
      {
        id: 't3',
        kind: 'ride',
        driverId: 'd1',
        driverName: 'n',
        stops: [STOP, { ...STOP, id: 'z', type: 'dropoff' }],
        labels: ['a'],
        at: PAST,
      },
      ride({}),
    ],
  ],
  ['PATCH', '/v1/trips/t1', [{ driverId: 'd2', stops: [STOP], labels: ['b'], at: PAST }, { driverId: null }]],
  ['POST', '/v1/trips/t2/status', [{ status: 'EN_ROUTE', location: CENTRE, at: PAST }, { status: 'PENDING' }]],
  [
    'POST',
    '/v1/drivers/d1/locations',
    [{ ...CENTRE, timestamp: PAST, speed: 1, bearing: 1, accuracy: 1, altitude: 1 }, { fixes: [CENTRE, { ...CENTRE, timestamp: PAST }] }],
  ],
  ['PUT', '/v1/drivers/d1', [{ name: 'n', vehicle: 'v', plate: 'p' }]],
  ['PUT', '/v1/drivers/d1/availability', [{ available: true }]],
  ['POST', '/v1/session', [{ code: 'c' }]],
];
const QUERIES = [
  '/v1/trips',
  '/v1/trips/t1',
  '/v1/trips/t1/history',
  '/v1/trips/t1/track',
  '/v1/drivers/d1',
  '/v1/drivers/d1/status',
  '/v1/drivers/d1/locations',
  '/v1/positions',
];

let goodFixes = 0;

/** The server lives, answers, and stores a good fix. */
async function expectWell(): Promise<void> {
  expect((await service.get('/health/ready')).status).toBe(200);
  const peer = await dial(server, { token: await server.token('driver', 'well') });
  await peer.ask({ type: 'open', stream: `well-${goodFixes}` });
  peer.send({ type: 'fix', seq: 1, ...CENTRE, timestamp: PAST + goodFixes++ * 1_000 });
  await peer.next('ack', (ack) => ack.stored === 1);
  expect((await service.get('/v1/drivers/well/locations')).as(LocationList).locations).toHaveLength(goodFixes);
  await peer.close();
}

const options = (seconds: number) => ({
  seed: SEED,
  numRuns: 1_000_000,
  interruptAfterTimeLimit: seconds * 1000,
  markInterruptAsFailure: false,
  endOnFailure: false,
});

describe(`whatever comes (FUZZ_SEED=${SEED})`, () => {
  it('on the stream: every message is answered or taken, no `internal`, and the connection only ends as promised', async () => {
    let peer: Peer | undefined;
    const message = fc.oneof(
      { weight: 4, arbitrary: mutated(MESSAGES) },
      { weight: 2, arbitrary: torn(MESSAGES) },
      { weight: 1, arbitrary: fc.jsonValue().map((value) => JSON.stringify(value)) },
      { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(message, fc.boolean()), { minLength: 1, maxLength: 20 }), async (burst) => {
        if (peer === undefined || peer.socket.readyState !== peer.socket.OPEN)
          peer = await dial(server, { token: await server.token('service', 'fuzz') });
        for (const [text, binary] of burst) peer.raw(binary && text.length % 5 === 0 ? Buffer.from(text) : text);
        try {
          await peer.ask({ type: 'ping' });
          expect(peer.all('error').filter((error) => error.code === 'internal')).toEqual([]);
        } catch (error) {
          // A new one for the next try, so that a counterexample can be made small.
          peer.socket.terminate();
          peer = undefined;
          throw error;
        }
        if (peer.messages.length > 5_000) await peer.close();
      }),
      options(SECONDS),
    );
    await peer?.close();
    await expectWell();
  });

  it('over REST: never a 5xx, always a problem that names its code', async () => {
    const body = fc
      .constantFrom(...ROUTES)
      .chain(([method, path, good]) =>
        fc
          .oneof(
            { weight: 4, arbitrary: mutated(good) },
            { weight: 1, arbitrary: torn(good) },
            { weight: 1, arbitrary: fc.string({ unit: 'binary' }) },
          )
          .map((text) => ({ method, path, text }) as const),
      );
    const query = fc
      .tuple(
        fc.constantFrom(...QUERIES),
        fc.constantFrom('status', 'driverId', 'label', 'kind', 'limit', 'cursor', 'from', 'to', 'format', 'simplify', '__proto__'),
        fc.oneof(
          nasty.map((value) => (typeof value === 'string' ? value : (JSON.stringify(value) ?? ''))),
          fc.string({ unit: 'binary' }),
        ),
        fc.string({ unit: 'binary', maxLength: 5 }),
      )
      .map(
        ([path, name, value, tail]) =>
          ({ method: 'GET', path: `${path}${encoded(tail)}?${name}=${encoded(value)}`, text: undefined }) as const,
      );
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof({ weight: 2, arbitrary: body }, query), { minLength: 8, maxLength: 24 }), async (calls) => {
        const answers = await Promise.all(calls.map(({ method, path, text }) => service.call(method, path, text)));
        for (const [i, answer] of answers.entries()) {
          const told = `${JSON.stringify(calls[i])} answered ${answer.status} ${answer.text.slice(0, 300)}`;
          expect(answer.status, told).toBeLessThan(500);
          if (answer.status >= 400) expect(answer.text, told).toMatch(/"code":"(?!internal)[a-z_]+"/);
        }
      }),
      options(SECONDS),
    );
    await expectWell();
  });

  it('before anybody said who they are: bytes on the bare socket', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.uint8Array({ maxLength: 300 }), { minLength: 1, maxLength: 5 }), async (chunks) => {
        const peer = await dial(server);
        const raw = (peer.socket as unknown as { _socket: { write(bytes: Uint8Array): void } })._socket;
        for (const chunk of chunks) raw.write(chunk);
        peer.socket.terminate();
        await peer.closed;
      }),
      options(2),
    );
    await expectWell();
  });
});

/** Percent-encoded; half a surrogate, which no URL can hold, becomes what an encoder makes of it. */
function encoded(text: string): string {
  return encodeURIComponent(text.toWellFormed());
}
