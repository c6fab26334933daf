import type { TSchema } from 'typebox';
import { describe, expect, it } from 'vitest';
import { DriverProfile, FixBatch, FixInput, StatusInput, TripInput, TripPatch } from './index.ts';
import { CLIENT_MESSAGES } from './stream.ts';
import { validator } from './validate.ts';

const HERE = { lat: 44.5, lng: 11.3 };
const STOP = { type: 'pickup', ...HERE };
const GOOD = {
  auth: { type: 'auth', token: 'x', ref: 'r' },
  open: { type: 'open', stream: 'phone', driver: 'd' },
  fix: {
    type: 'fix',
    ...HERE,
    seq: 1,
    base: 1,
    driver: 'd',
    timestamp: '2026-01-01T00:00:00Z',
    speed: null,
    bearing: 0,
    accuracy: 3,
    altitude: -2,
  },
  fixes: { type: 'fixes', base: 1, fixes: [{ ...HERE, seq: 1, timestamp: 0 }, HERE] },
  subscribe: { type: 'subscribe', feed: 'trip:t', since: { epoch: 'e', seq: 0 }, events: ['ride_status'] },
  unsubscribe: { type: 'unsubscribe', feed: 'fleet' },
  message: { type: 'message', trip: 't', text: 'at the corner\nleft side', to: 'p' },
  ping: { type: 'ping' },
} as const;
const BODIES: readonly (readonly [string, TSchema, object])[] = [
  ...Object.entries(CLIENT_MESSAGES).map(([type, schema]) => [type, schema, GOOD[type as keyof typeof GOOD]] as const),
  ['a fix', FixInput, HERE],
  ['a batch', FixBatch, { fixes: [HERE] }],
  ['a trip', TripInput, { kind: 'ride', stops: [STOP] }],
  ['a patch', TripPatch, { stops: [STOP] }],
  ['a status', StatusInput, { status: 'EN_ROUTE', location: HERE }],
  ['a profile', DriverProfile, { name: 'Car A' }],
];

/** Where it says something is wrong; null when it takes it. */
function field(schema: TSchema, value: unknown): string | null {
  const one = validator(schema);
  return one.check(value) ? null : one.failure(value).field;
}

describe.each(BODIES)('%s', (_, schema, good) => {
  it('is taken as it should be', () => {
    expect(field(schema, good)).toBeNull();
  });

  it.each(['__proto__', 'constructor', 'prototype', 'toString', 'hasOwnProperty', 'unknown'])(
    'with a member %s is refused by its name',
    (name) => {
      const value = JSON.parse(`${JSON.stringify(good).slice(0, -1)},${JSON.stringify(name)}:{"x":1}}`) as unknown;
      expect(field(schema, value)).toBe(`/${name}`);
    },
  );

  it.each([null, undefined, 7, 'text', true, [], [good]])('is not %j', (value) => {
    expect(field(schema, value)).not.toBeNull();
  });
});

describe('the failure', () => {
  it.each<[TSchema, unknown, string, RegExp]>([
    [FixInput, { lat: 91, lng: 0 }, '/lat', /90/],
    [FixInput, { lng: 0 }, '/lat', /is required/],
    [FixInput, { ...HERE, speed: -1 }, '/speed', /0/],
    [FixInput, { ...HERE, bearing: 360 }, '/bearing', /360/],
    [FixInput, { ...HERE, timestamp: 'now' }, '/timestamp', /./],
    [FixInput, { ...HERE, timestamp: 1.5 }, '/timestamp', /./],
    [FixBatch, { fixes: [] }, '/fixes', /./],
    [FixBatch, { fixes: [HERE, { ...HERE, lat: 'x' }] }, '/fixes/1/lat', /number/],
    [FixBatch, { fixes: [HERE, { ...HERE, colour: 1 }] }, '/fixes/1/colour', /is not a known member/],
    [FixBatch, { fixes: new Array(1001).fill(HERE) }, '/fixes', /1000/],
    [TripInput, { kind: 'ride', stops: [STOP, { ...STOP, arriveRadius: 0 }] }, '/stops/1/arriveRadius', /./],
    [TripInput, { kind: 'boat', stops: [] }, '/kind', /./],
    [TripInput, { kind: 'ride', stops: [{ ...STOP, id: 'a b' }] }, '/stops/0/id', /./],
    [TripInput, { kind: 'ride', stops: [], driverId: 7 }, '/driverId', /./],
    [TripPatch, {}, '', /./],
    [CLIENT_MESSAGES.subscribe, { type: 'subscribe', feed: 'x' }, '/feed', /./],
    [CLIENT_MESSAGES.subscribe, { type: 'subscribe', feed: 'fleet', since: { epoch: 'e', seq: -1 } }, '/since/seq', /./],
    [CLIENT_MESSAGES.fix, { type: 'fix', ...HERE, seq: 0 }, '/seq', /1/],
    [CLIENT_MESSAGES.fixes, { type: 'fixes', fixes: new Array(201).fill(HERE) }, '/fixes', /200/],
  ])('names the deepest member that is wrong', (schema, value, where, message) => {
    const one = validator(schema);
    expect(one.check(value)).toBe(false);
    expect(one.failure(value)).toEqual({ field: where, message: expect.stringMatching(message) });
  });

  it('never says what was sent', () => {
    const one = validator(CLIENT_MESSAGES.auth);
    expect(one.failure({ type: 'auth', token: 'secret'.repeat(2_000) }).message).not.toContain('secret');
  });
});

describe('numbers', () => {
  it.each([Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, JSON.parse('1e999') as number, '1', null, true, 1n])(
    '%s is no coordinate',
    (value) => {
      expect(field(FixInput, { ...HERE, lat: value })).toBe('/lat');
      expect(field(FixInput, { ...HERE, lng: value })).toBe('/lng');
    },
  );

  it.each(['speed', 'bearing', 'accuracy', 'altitude'])('%s may be unknown, not NaN or infinite', (name) => {
    expect(field(FixInput, { ...HERE, [name]: null })).toBeNull();
    for (const value of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY])
      expect(field(FixInput, { ...HERE, [name]: value })).toBe(`/${name}`);
  });

  it.each([1.5, 0, -1, 2 ** 53, Number.NaN, '1'])('%s is no sequence number', (seq) => {
    expect(field(CLIENT_MESSAGES.fix, { ...GOOD.fix, seq })).toBe('/seq');
  });

  it('stand on the edge inclusively', () => {
    for (const lat of [-90, 90]) for (const lng of [-180, 180]) expect(field(FixInput, { lat, lng })).toBeNull();
  });
});
