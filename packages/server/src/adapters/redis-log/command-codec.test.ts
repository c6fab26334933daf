import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Command } from '../../core/commands.ts';
import { BY, sampleTrip, T0 } from '../../hub/contracts/samples.ts';
import { decodeCommand, encodeCommand } from './command-codec.ts';

const measure = fc.double({ noNaN: true, noDefaultInfinity: true }).map((one) => one + 0);
const maybe = fc.option(measure);
const whole = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const text = fc.string({ unit: 'binary' });
const fix = fc.record({ lat: measure, lng: measure, at: whole, speed: maybe, bearing: maybe, accuracy: maybe, altitude: maybe });
const envelope = { driverId: text, receivedAt: whole, reply: whole };
const trip = fc
  .record({ distance: measure, lastPoint: fc.option(fix), labels: fc.array(text), driverName: fc.option(text) })
  .map((more) => sampleTrip('t', more));
const patch = fc.record({ labels: fc.array(text), driverName: text }, { requiredKeys: [] });
const kind = <K extends Command['kind']>(name: K) => fc.constant(name);

const command: fc.Arbitrary<Command> = fc.oneof(
  fc.record({
    ...envelope,
    kind: kind('fixes'),
    live: fc.boolean(),
    stream: fc.option(text),
    base: fc.option(whole),
    sender: whole,
    fixes: fc.array(fc.record({ seq: fc.option(whole), fix })),
  }),
  fc.record({
    ...envelope,
    kind: kind('refused'),
    stream: text,
    sender: whole,
    seq: whole,
    code: fc.constant('invalid_fix' as const),
    message: text,
  }),
  fc.record({ ...envelope, kind: kind('open'), stream: text }),
  fc.record({ ...envelope, kind: kind('adopt'), trip, previous: fc.option(text), by: fc.constant(BY), at: whole, entry: text }),
  fc.record({ ...envelope, kind: kind('release'), tripId: text, to: fc.option(text), patch, by: fc.constant(BY), at: whole }),
  fc.record({ ...envelope, kind: kind('status'), tripId: text, status: fc.constant('EN_ROUTE' as const), by: fc.constant(BY), at: whole }),
  fc.record({ ...envelope, kind: kind('patch'), tripId: text, patch, by: fc.constant(BY), at: whole }),
  fc.record({ ...envelope, kind: kind('remove'), tripId: text }),
  fc.record({ ...envelope, kind: kind('message'), tripId: text, message: text, text, to: fc.option(text), by: fc.constant(BY), at: whole }),
  fc.record({ ...envelope, kind: kind('availability'), available: fc.boolean() }),
  fc.record({ ...envelope, kind: kind('offline') }),
  fc.record({ ...envelope, kind: kind('profile'), profile: fc.record({ name: text, vehicle: text, plate: text }, { requiredKeys: [] }) }),
  fc.record({ ...envelope, kind: kind('tick') }),
) as fc.Arbitrary<Command>;

describe('a command as text', () => {
  it('is the same command again, whatever is in it [A6]', () => {
    fc.assert(
      fc.property(command, (one) => {
        expect(decodeCommand(encodeCommand(one))).toStrictEqual(structuredClone(one));
      }),
    );
  });

  it('leaves out what is undefined, and has null for a number that is none', () => {
    const one = { kind: 'patch', driverId: 'd', receivedAt: T0, reply: 0, tripId: 't', patch: {}, by: BY, at: T0 } as const;
    expect(decodeCommand(encodeCommand(Object.assign({}, one, { patch: { labels: undefined } })))).toStrictEqual(one);
    const nowhere = { lat: 1, lng: 2, at: T0, speed: Number.NaN, bearing: null, accuracy: Number.POSITIVE_INFINITY, altitude: null };
    const fixes = { kind: 'fixes', driverId: 'd', receivedAt: T0, reply: 0, live: true, stream: null, base: null, sender: 0 } as const;
    const back = decodeCommand(encodeCommand({ ...fixes, fixes: [{ seq: null, fix: nowhere }] }));
    expect(back).toStrictEqual({ ...fixes, fixes: [{ seq: null, fix: { ...nowhere, speed: null, accuracy: null } }] });
  });

  it('of something else is refused', () => {
    expect(() => decodeCommand('')).toThrow(SyntaxError);
    expect(() => decodeCommand('{"kind":')).toThrow(SyntaxError);
  });
});
