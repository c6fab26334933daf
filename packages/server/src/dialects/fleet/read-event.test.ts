import { FixInput, validator, WaycastError } from '@waycast/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { CLIENT_MESSAGES, type DriverLocation } from './messages.ts';
import { fixInputOf, readEvent } from './read-event.ts';

const fix = validator(FixInput);
const absent = fc.constantFrom(undefined, null);
const maybe = (min: number, max: number) => fc.oneof(absent, fc.double({ min, max, noNaN: true }));

/** A fix, in any of the words it may come in. */
const sent = fc
  .record({
    lat: fc.double({ min: -90, max: 90, noNaN: true }),
    lng: fc.double({ min: -180, max: 180, noNaN: true }),
    bearing: maybe(0, 359.99),
    speed: maybe(0, 300),
    accuracy: maybe(0, 100),
    altitude: maybe(-100, 9_000),
    timestamp: fc.oneof(absent, fc.constant('2026-01-05T10:00:00+01:00'), fc.nat()),
    names: fc.tuple(fc.nat(2), fc.nat(2), fc.boolean()),
  })
  .map(({ lat, lng, bearing, names: [first, second, heading], ...more }) => ({
    expected: { lat, lng, bearing, ...more },
    payload: {
      ...(first !== 0 && { latitude: lat }),
      ...(first !== 1 && { lat }),
      ...(second !== 0 && { longitude: lng }),
      ...(second !== 1 && { lng }),
      ...(heading ? { heading: bearing } : { bearing }),
      ...more,
    },
  }));

/** As it travels: what is undefined is not there. */
const overTheWire = (value: object) => JSON.parse(JSON.stringify(value)) as object;
const known = (value: object) => Object.fromEntries(Object.entries(value).filter(([, one]) => one !== null && one !== undefined));

describe('driver:location [K6]', () => {
  it('is the same fix in whichever words it comes', () => {
    fc.assert(
      fc.property(sent, ({ expected, payload }) => {
        const event = readEvent('driver:location', [overTheWire(payload)]);
        const input = fixInputOf(event.payload as DriverLocation);
        expect(fix.check(input)).toBe(true);
        expect(input).toEqual(known(overTheWire(expected)));
      }),
    );
  });

  it.each([
    ['latitude', { latitude: 1, lat: 2, lng: 0 }, 'bad_request', '/lat'],
    ['longitude', { lat: 1, longitude: 2, lng: 0 }, 'bad_request', '/lng'],
    ['bearing', { lat: 1, lng: 2, bearing: 0, heading: 90 }, 'bad_request', '/heading'],
    ['no latitude', { lng: 2 }, 'invalid_fix', '/latitude'],
    ['no longitude', { latitude: 2 }, 'invalid_fix', '/longitude'],
  ])('that contradicts itself or is half there is refused: %s', (_, payload, code, field) => {
    expect(() => fixInputOf(payload)).toThrow(expect.objectContaining({ code, field }));
  });
});

describe('an event [K12]', () => {
  it('of any name and payload is read, or refused by name', () => {
    const name = fc.oneof(fc.constantFrom(...Object.keys(CLIENT_MESSAGES)), fc.string(), fc.constantFrom('__proto__', 'toString', 7, null));
    const payload = fc.oneof(
      fc.jsonValue(),
      fc.dictionary(fc.constantFrom('latitude', 'lng', 'driverId', 'tripId', 'available', '__proto__', 'constructor'), fc.jsonValue()),
    );
    fc.assert(
      fc.property(name, fc.array(payload, { maxLength: 3 }), (event, args) => {
        try {
          expect(CLIENT_MESSAGES).toHaveProperty([readEvent(event, args).name]);
        } catch (error) {
          expect(error).toBeInstanceOf(WaycastError);
          expect(['unknown_type', 'bad_request', 'invalid_fix']).toContain((error as WaycastError).code);
        }
      }),
    );
  });

  it('driver:offline needs no payload [K7]', () => {
    for (const args of [[], [{}], [null], [undefined]])
      expect(readEvent('driver:offline', args)).toEqual({ name: 'driver:offline', payload: {} });
  });
});
