import { WaycastError } from '@waycast/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { STEPS } from './messages.ts';
import { readMessage } from './read-message.ts';

const refusal = (text: string): unknown => {
  try {
    return readMessage(text);
  } catch (error) {
    return error;
  }
};

const location = fc.record(
  {
    lat: fc.double({ min: -90, max: 90, noNaN: true }),
    lng: fc.double({ min: -180, max: 180, noNaN: true }),
    status: fc.option(fc.constantFrom(...STEPS)),
  },
  { requiredKeys: ['lat', 'lng'] },
);

describe('readMessage', () => {
  it('takes what the contract has, as it was sent [Y15]', () => {
    fc.assert(
      fc.property(location, (one) => {
        const message = { type: 'location_update', location: JSON.parse(JSON.stringify(one)) as object };
        expect(readMessage(JSON.stringify(message))).toEqual(message);
      }),
    );
    expect(readMessage('{"type":"ping"}')).toEqual({ type: 'ping' });
  });

  it('refuses any other text, any JSON and any change of a message by name, and never breaks [Y17]', () => {
    const valid = JSON.stringify({ type: 'location_update', location: { lat: 1.5, lng: 2.5, status: 'PICKED_UP' } });
    const mutated = fc
      .tuple(fc.nat(valid.length - 1), fc.string({ maxLength: 3 }), fc.nat(3))
      .map(([at, put, cut]) => valid.slice(0, at) + put + valid.slice(at + cut));
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), mutated), (text) => {
        const told = refusal(text);
        if (told instanceof Error) {
          expect(told).toBeInstanceOf(WaycastError);
          expect(['bad_json', 'unknown_type', 'bad_request']).toContain((told as WaycastError).code);
          return;
        }
        const { type, location: sent, ...rest } = told as { type: string; location?: Record<string, unknown> };
        expect(rest).toEqual({});
        if (type === 'ping') return;
        const { lat, lng, status, ...more } = sent ?? {};
        expect(more).toEqual({});
        expect(Math.abs(lat as number)).toBeLessThanOrEqual(90);
        expect(Math.abs(lng as number)).toBeLessThanOrEqual(180);
        expect([undefined, null, ...STEPS]).toContain(status);
      }),
      { numRuns: 3_000 },
    );
  });
});
