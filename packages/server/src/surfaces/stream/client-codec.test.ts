import type { ServerMessage } from '@waycast/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { etasOf, planOf } from '../../core/eta.ts';
import { stopsFrom } from '../../core/stops.ts';
import type { Trip } from '../../core/trip.ts';
import { fixAt, happening, location, sampleTrip, T0 } from '../../hub/contracts/samples.ts';
import type { Delivery, Snapshot } from '../../hub/delivery.ts';
import type { Principal, Role } from '../../hub/principal.ts';
import { Outflow } from '../websocket/outflow.ts';
import { SlowSocket } from '../websocket/testing/slow-socket.ts';
import { ClientCodec } from './client-codec.ts';
import { frameOf, messageOf } from './encode.ts';

const FEED = 'trip:t';
const who = (role: Role, sub: string): Principal => ({
  sub,
  role,
  trips: undefined,
  drivers: undefined,
  labels: undefined,
  expiresAt: null,
});
const codecOf = (role: Role, sub: string) => new ClientCodec(() => who(role, sub));

/** Stops of Ann, of Ben, of nobody; ids that name whose they are. */
const trips: fc.Arbitrary<Trip> = fc
  .array(fc.record({ whose: fc.constantFrom('ann', 'ben', 'nobody'), type: fc.constantFrom('pickup', 'dropoff', 'waypoint') }), {
    maxLength: 6,
  })
  .map((list) =>
    sampleTrip('t', {
      stops: stopsFrom(
        list.map(({ whose, type }, n) => ({
          id: `${whose}-${n}`,
          type,
          lat: 44.5 + n / 100,
          lng: 11.3,
          ...(whose !== 'nobody' && { partyId: whose }),
        })),
      ),
    }),
  );

/** One of each kind that tells of a trip's stops. */
function deliveriesOf(trip: Trip): Delivery[] {
  const plan = planOf(trip.kind, trip.stops);
  const snapshot: Snapshot = {
    type: 'snapshot',
    feed: FEED,
    epoch: 'e',
    seq: 1,
    trip,
    driver: null,
    location: fixAt(0),
    etas: etasOf(plan, fixAt(0), T0),
  };
  const stopEvents = trip.stops.map((stop, n): Delivery => {
    const { id: stopId, type: stopType, partyId, bookingId } = stop;
    const event = { id: `t/${stopId}/arrived`, kind: 'arrived' as const, tripId: 't', driverId: 'd', at: T0 };
    return { ...happening(FEED, 'e', 4 + n), event: { ...event, stopId, stopType, partyId, bookingId, distance: 1 }, trip };
  });
  const changed = {
    id: 't/changed/2',
    kind: 'changed' as const,
    tripId: 't',
    driverId: 'd',
    at: T0,
    by: { sub: 's', role: 'admin', via: 'rest' },
  };
  return [snapshot, { ...location(FEED, 'e', 2), plan }, { ...happening(FEED, 'e', 3), event: changed, trip }, ...stopEvents];
}

/** What is inside a frame of any length. */
function read(bytes: Buffer | null): ServerMessage {
  if (bytes === null) throw new Error('no frame');
  const short = (bytes[1] ?? 0) & 127;
  return JSON.parse(bytes.subarray(short < 126 ? 2 : short === 126 ? 4 : 10).toString()) as ServerMessage;
}

describe('what a passenger is told [S3]', () => {
  it('names no stop of another party, leaves out nothing else, and marks each event that is not for it', () => {
    fc.assert(
      fc.property(trips, (trip) => {
        const codec = codecOf('passenger', 'ann');
        for (const delivery of deliveriesOf(trip)) {
          const [told, whole] = [read(codec.frameOf(delivery)), JSON.parse(JSON.stringify(messageOf(delivery))) as ServerMessage];
          expect(JSON.stringify(told)).not.toContain('ben');
          if (told.type === 'conflated') {
            expect(whole).toMatchObject({ type: 'event', event: { partyId: 'ben' }, seq: told.from });
            expect(told.from).toBe(told.to);
          } else expect(told).toEqual(without(whole));
        }
      }),
    );
  });

  it('is the frame made for all when nothing is left out, and so for everybody else', () => {
    fc.assert(
      fc.property(trips, (trip) => {
        const others = (['driver', 'merchant', 'dispatcher', 'admin', 'service'] as const).map((role) => codecOf(role, 'ann'));
        const hers = trip.stops.every(({ partyId }) => partyId !== 'ben') ? [codecOf('passenger', 'ann')] : [];
        for (const delivery of deliveriesOf(trip)) {
          const shared = frameOf(delivery);
          for (const codec of [...others, ...hers]) expect(codec.frameOf(delivery)).toBe(shared);
        }
      }),
    );
  });
});

/** A message as it would be if Ben's stops were not there. */
function without(message: ServerMessage): ServerMessage {
  const isForAnn = (id: string) => !id.startsWith('ben');
  return {
    ...message,
    ...('trip' in message && message.trip && { trip: { ...message.trip, stops: message.trip.stops.filter(({ id }) => isForAnn(id)) } }),
    ...('etas' in message && message.etas && { etas: message.etas.filter(({ stopId }) => isForAnn(stopId)) }),
  } as ServerMessage;
}

describe('a passenger who does not keep up [O3 O7]', () => {
  it('gets marks and positions in their order, and no stop of another party', async () => {
    const trip = sampleTrip('t', {
      stops: stopsFrom(['ben', 'ann'].map((partyId) => ({ id: `${partyId}-in`, type: 'pickup', lat: 44.5, lng: 11.3, partyId }))),
    });
    const [, position, changed, arrivedAtBen, arrivedAtAnn] = deliveriesOf(trip) as [Delivery, Delivery, Delivery, Delivery, Delivery];
    const socket = new SlowSocket();
    const flow = new Outflow(socket, { codec: codecOf('passenger', 'ann'), giveUp: () => undefined, wholeFleet: () => position });
    const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
    for (let n = 0; n < 5; n++) flow.send({ type: 'pong', ref: 'x'.repeat(15_000) });
    await turn();
    for (const delivery of [position, changed, arrivedAtBen, arrivedAtAnn]) flow.deliver(delivery);
    expect(flow.slow).toBe(true);
    do {
      await turn();
      await socket.readAll();
    } while (socket.writableLength > 0);
    const told = (socket.messages as ServerMessage[]).filter(({ type }) => type !== 'pong');
    expect(told.map((one) => [one.type, 'seq' in one ? one.seq : 'from' in one ? one.from : null])).toEqual([
      ['location', 2],
      ['event', 3],
      ['conflated', 4],
      ['event', 5],
    ]);
    expect(JSON.stringify(told)).not.toContain('ben');
  });
});
