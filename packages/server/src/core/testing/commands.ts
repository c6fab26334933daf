import { BOOKING_STATUSES, STOP_TYPES, type StopInput, TRIP_KINDS, TRIP_STATUSES } from '@waycast/protocol';
import fc from 'fast-check';
import type { Command } from '../commands.ts';
import { newTrip } from '../trip.ts';
import { at, BY, DEGREE, T0 } from './samples.ts';

const tripId = fc.constantFrom('t1', 't2', 't3');
const metres = fc.constantFrom(0, 40, 90, 160, 400, 700, 60_000, 60_050);
const accuracy = fc.constantFrom(null, null, 10, 80);

const stops: fc.Arbitrary<StopInput[]> = fc.array(
  fc.record(
    {
      type: fc.constantFrom(...STOP_TYPES),
      lat: fc.constant(0),
      lng: metres.map((m) => m / DEGREE),
      partyId: fc.constantFrom('p1', 'p2'),
      bookingId: fc.constantFrom('b1', 'b2'),
      bookingStatus: fc.constantFrom(...BOOKING_STATUSES),
    },
    { requiredKeys: ['type', 'lat', 'lng'] },
  ),
  { maxLength: 5 },
);

/** Fixes about the clock: late, in order, ahead of their time, near and far. */
const fix = (clock: number) =>
  fc
    .tuple(fc.integer({ min: -40, max: 4 }), metres, accuracy, fc.boolean())
    .map(([off, m, acc, ahead]) => at(clock + (ahead && off === 4 ? 90 : off), m, { accuracy: acc, speed: m % 50 }));

export interface CommandOptions {
  /** Whether fixes may come without a number. */
  readonly unnumbered: boolean;
}

/** Any command for driver d at a time, valid as surfaces and hub would make it. */
function command(clock: number, { unnumbered }: CommandOptions): fc.Arbitrary<Command> {
  const receivedAt = T0 + clock * 1000;
  const envelope = { driverId: 'd', receivedAt, reply: 1 };
  const seq = fc.integer({ min: 1, max: 60 });
  const stream = fc.constantFrom('s1', 's2', 's3');
  const more = { ...envelope, by: BY, at: receivedAt };
  const numbered = fc
    .tuple(stream, fc.option(seq, { nil: null }), fc.boolean(), fc.array(fc.tuple(seq, fix(clock)), { minLength: 1, maxLength: 4 }))
    .map(([id, base, live, sent]): Command => {
      const fixes = sent.map(([number, one]) => ({ seq: number, fix: one }));
      return { kind: 'fixes', ...envelope, live, stream: id, base, sender: 1, fixes };
    });
  const plain = fc.tuple(fc.boolean(), fc.array(fix(clock), { minLength: 1, maxLength: 4 })).map(([live, sent]): Command => {
    const fixes = sent.map((one) => ({ seq: null, fix: one }));
    return { kind: 'fixes', ...envelope, live, stream: null, base: null, sender: 0, fixes };
  });
  const others: fc.Arbitrary<Command>[] = [
    fc
      .tuple(stream, seq)
      .map(([id, n]) => ({ kind: 'refused', ...envelope, stream: id, sender: 1, seq: n, code: 'invalid_fix', message: 'no' })),
    stream.map((id) => ({ kind: 'open', ...envelope, stream: id })),
    fc.tuple(tripId, fc.constantFrom(...TRIP_KINDS), stops, fc.constantFrom(null, null, 0, 90)).map(([id, kind, list, lasts]) => {
      // Every adoption has a revision of its own: a trip that comes back has been changed meanwhile.
      const expiresAt = lasts === null ? null : receivedAt + lasts * 1000;
      const trip = { ...newTrip(id, { kind, driverId: 'd', stops: list }, 'digest', receivedAt, expiresAt), revision: 100 * (clock + 1) };
      return { kind: 'adopt', ...more, trip, previous: null, entry: `${id}/adopt/${trip.revision}` };
    }),
    fc.tuple(tripId, fc.constantFrom('e', null), fc.option(stops)).map(([id, to, list]) => {
      return { kind: 'release', ...more, tripId: id, to, patch: list === null ? {} : { stops: list } };
    }),
    fc.tuple(tripId, fc.constantFrom(...TRIP_STATUSES)).map(([id, status]) => ({ kind: 'status', ...more, tripId: id, status })),
    fc.tuple(tripId, stops).map(([id, list]) => ({ kind: 'patch', ...more, tripId: id, patch: { stops: list } })),
    fc.tuple(tripId, fc.constantFrom('p1', null)).map(([id, to]) => {
      return { kind: 'message', ...more, tripId: id, message: `m${clock}`, text: 'hello', to };
    }),
    tripId.map((id) => ({ kind: 'remove', ...envelope, tripId: id })),
    fc.boolean().map((available) => ({ kind: 'availability', ...envelope, available })),
    fc.constant<Command>({ kind: 'offline', ...envelope }),
    fc.constantFrom('Car A', null).map((name) => ({ kind: 'profile', ...envelope, profile: { name } })),
    fc.constant<Command>({ kind: 'tick', ...envelope }),
  ];
  return fc.oneof(
    { weight: 12, arbitrary: numbered },
    { weight: unnumbered ? 8 : 0, arbitrary: plain },
    ...others.map((arbitrary) => ({ weight: 1, arbitrary })),
  );
}

/** Commands as time goes by: mostly a second apart, now and then a minute. */
export function commands(options: CommandOptions, maxLength = 60): fc.Arbitrary<Command[]> {
  return fc.array(fc.constantFrom(1, 1, 1, 5, 70), { minLength: 1, maxLength, size: 'max' }).chain((waits) => {
    let clock = 0;
    return fc.tuple(
      ...waits.map((wait) => {
        clock += wait;
        return command(clock, options);
      }),
    );
  });
}
