import { type FixMessage, FixMessage as FixSchema, validator, WaycastError } from '@waycast/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fixOf } from './location-update.ts';

const nativeFix = validator(FixSchema);
const at = '2026-01-05T08:00:00.000Z';

describe('location_update [H1]', () => {
  it('wrapped is what the phone says, its speed in m/s', () => {
    const data = { lat: 44.5, lng: 11.3, heading: 90, speed: 10, accuracy: 8, timestamp: at };
    expect(fixOf({ type: 'location_update', data })).toEqual({
      type: 'fix',
      lat: 44.5,
      lng: 11.3,
      bearing: 90,
      speed: 36,
      accuracy: 8,
      altitude: null,
      timestamp: at,
    });
  });

  it('flat names its driver, its speed in km/h', () => {
    const flat = {
      type: 'location_update',
      driverId: 'car-a',
      lat: 44.5,
      lng: 11.3,
      heading: 360,
      speed: 36,
      accuracy: null,
      timestamp: 1,
    };
    expect(fixOf(flat)).toMatchObject({ driver: 'car-a', bearing: 0, speed: 36, accuracy: null, timestamp: 1 });
  });

  it.each([
    [{ type: 'location_update' }, '/lat'],
    [{ type: 'location_update', data: null }, '/data'],
    [{ type: 'location_update', data: { lat: 91, lng: 1 } }, '/data/lat'],
    [{ type: 'location_update', data: { lat: 1, lng: 1, heading: 361 } }, '/data/heading'],
    [{ type: 'location_update', data: { lat: 1, lng: 1 }, driverId: 'x' }, '/driverId'],
    [{ type: 'location_update', lat: '1', lng: 1 }, '/lat'],
    [JSON.parse('{"type":"location_update","lat":1,"lng":1,"__proto__":{"a":1}}'), '/__proto__'],
    [{ type: 'location_update', lat: 1, lng: 1, speed: Number.NaN }, '/speed'],
  ])('%j is refused at %s', (message, field) => {
    try {
      fixOf(message);
      expect.unreachable('it was taken');
    } catch (error) {
      expect(error).toBeInstanceOf(WaycastError);
      expect((error as WaycastError).code).toBe('invalid_fix');
      expect((error as WaycastError).field).toBe(field);
    }
  });

  it('whatever is taken is a fix the stream would take', () => {
    const number = fc.oneof(fc.double(), fc.constant(null), fc.constant(undefined), fc.double({ min: -1, max: 400, noNaN: true }));
    const data = fc.record({
      lat: fc.double({ min: -91, max: 91, noNaN: true }),
      lng: fc.double({ min: -181, max: 181, noNaN: true }),
      heading: number,
      speed: number,
      accuracy: number,
      altitude: number,
      timestamp: fc.oneof(fc.constant(at), fc.integer({ min: 0, max: 2e12 })),
    });
    fc.assert(
      fc.property(data, fc.boolean(), (fields, wrapped) => {
        const given = Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined));
        let fix: FixMessage;
        try {
          fix = fixOf(wrapped ? { type: 'location_update', data: given } : { type: 'location_update', ...given });
        } catch (error) {
          if (error instanceof WaycastError) return;
          throw error;
        }
        expect(nativeFix.check(fix), JSON.stringify(fix)).toBe(true);
      }),
    );
  });
});
