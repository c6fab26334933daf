import { WaycastError } from '@waycast/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isPing, readMessage } from './read-message.ts';

const FIX = { lat: 37.3352, lng: -121.8811, speed: 45.5, bearing: 90, accuracy: 10, timestamp: '2024-12-17T10:30:00Z' };
const read = (value: unknown) => readMessage(Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)), false);

function refused(data: Buffer | string, isBinary = false): WaycastError {
  try {
    readMessage(Buffer.from(data), isBinary);
  } catch (error) {
    if (error instanceof WaycastError) return error;
    throw error;
  }
  throw new Error(`taken: ${data.toString()}`);
}

describe("a driver's message", () => {
  it('is a bare fix [R5]', () => {
    expect(read(FIX)).toEqual({ type: 'fix', input: FIX });
    expect(read({ lat: 0, lng: 0, timestamp: 1_734_431_400_000 })).toMatchObject({ type: 'fix' });
  });

  it('may leave out, or null, what is not known [R5]', () => {
    const { lat, lng, timestamp } = FIX;
    const bare = { lat, lng, timestamp };
    expect(read(bare)).toEqual({ type: 'fix', input: bare });
    const nulls = { ...bare, speed: null, bearing: null, accuracy: null };
    expect(read(nulls)).toEqual({ type: 'fix', input: nulls });
  });

  it('or a ping [R5]', () => {
    expect(read({ type: 'ping' })).toEqual({ type: 'ping' });
  });

  it.each<[string, unknown, string]>([
    ['no latitude', { ...FIX, lat: undefined }, '/lat'],
    ['no longitude', { ...FIX, lng: undefined }, '/lng'],
    ['no timestamp', { ...FIX, timestamp: undefined }, '/timestamp'],
    ['a null latitude', { ...FIX, lat: null }, '/lat'],
    ['a null timestamp', { ...FIX, timestamp: null }, '/timestamp'],
    ['a latitude of 91', { ...FIX, lat: 91 }, '/lat'],
    ['a longitude of -181', { ...FIX, lng: -181 }, '/lng'],
    ['a text for a number', { ...FIX, lat: '37' }, '/lat'],
    ['a negative speed', { ...FIX, speed: -1 }, '/speed'],
    ['a bearing of 360', { ...FIX, bearing: 360 }, '/bearing'],
    ['a negative accuracy', { ...FIX, accuracy: -0.1 }, '/accuracy'],
    ['a time without an offset', { ...FIX, timestamp: '2024-12-17T10:30:00' }, '/timestamp'],
    ['an unknown member', { ...FIX, heading: 3 }, '/heading'],
    ['an endless number', '{"lat":1e309,"lng":1,"timestamp":1}', '/lat'],
    ['a prototype', '{"lat":1,"lng":1,"timestamp":1,"__proto__":{"a":1}}', '/__proto__'],
    ['a constructor', '{"lat":1,"lng":1,"timestamp":1,"constructor":{"prototype":{"a":1}}}', '/constructor'],
  ])('with %s is no fix, and the answer says where [R6]', (_what, value, field) => {
    const error = refused(typeof value === 'string' ? value : JSON.stringify(value));
    expect(error.code).toBe('invalid_fix');
    expect(error.field).toBe(field);
    expect(error.message).toContain(field);
  });

  it('that is no JSON, or binary, is no fix either [R6]', () => {
    for (const text of ['', '{', '{"lat":NaN,"lng":1,"timestamp":1}', 'null', '7', '[]', '"ping"', '{"type":"ping","more":1}'])
      expect(refused(text).code).toBe('invalid_fix');
    expect(refused(JSON.stringify(FIX), true).code).toBe('invalid_fix');
  });

  it('is refused by name or taken, whatever the bytes [R6]', () => {
    const bytes = fc.oneof(
      fc.uint8Array({ maxLength: 200 }),
      fc.json().map((text) => Buffer.from(text)),
    );
    fc.assert(
      fc.property(bytes, fc.boolean(), (data, isBinary) => {
        try {
          readMessage(Buffer.from(data), isBinary);
        } catch (error) {
          expect((error as WaycastError).code).toBe('invalid_fix');
        }
        expect(isPing(Buffer.from(data), isBinary)).toBe(false);
      }),
    );
  });
});
