import { describe, expect, it, vi } from 'vitest';
import type { Happened } from '../core/events.ts';
import { changeStatus, messageEvent, type Trip } from '../core/trip.ts';
import { ManualClock } from './contracts/manual-clock.ts';
import { driverAt, fixAt, happening, location, sampleTrip, T0 } from './contracts/samples.ts';
import type { Delivery, Snapshot } from './delivery.ts';
import type { Bus, FeedPosition, Hot } from './ports.ts';
import { Watchers } from './watchers.ts';

const FEED = 'trip:t';
const BY = { sub: 'staff', role: 'dispatcher', via: 'rest' };

/** Several processes, of which this one hears what the test lets it hear; nothing is held that could fill a gap. */
function scene() {
  const clock = new ManualClock(T0);
  const stored: Happened[] = [];
  let hear: (delivery: Delivery) => void = () => undefined;
  let doubt: () => void = () => undefined;
  const bus: Bus = {
    publish: () => undefined,
    join: () => undefined,
    leave: () => undefined,
    listen: (deliver, doubted) => {
      hear = deliver;
      doubt = doubted;
    },
    known: async () => true,
  };
  const hot = { hold: () => undefined, release: () => undefined, since: async () => null, heads: async () => [] } as unknown as Hot;
  const watchers = new Watchers({ bus, hot, clock, shared: true, events: async () => stored, warn: () => undefined });
  let stands: readonly Delivery[] = [];
  watchers.lookBy(async () => stands);
  const got = { resuming: [] as Delivery[], other: [] as Delivery[] };
  const begin = (snapshot: Snapshot & FeedPosition): void => {
    for (const [who, resumable] of [
      ['resuming', true],
      ['other', false],
    ] as const) {
      const watcher = { deliver: (delivery: Delivery) => void got[who].push(delivery) };
      watchers.await(FEED, watcher, resumable);
      watchers.begin(FEED, watcher, snapshot, () => undefined, snapshot);
    }
  };
  return {
    clock,
    stored,
    got,
    begin,
    hear: (delivery: Delivery) => hear(delivery),
    doubt: () => doubt(),
    stand: (...deliveries: Delivery[]) => {
      stands = deliveries;
    },
  };
}

function snapshot(trip: Trip, seq: number, fixSeconds: number): Snapshot {
  const at = fixAt(fixSeconds);
  return { type: 'snapshot', feed: FEED, epoch: 'e', seq, trip: structuredClone(trip), driver: driverAt('d', seq), location: at, etas: [] };
}

describe('messages that are lost for good [P7]', () => {
  it('end in a snapshot for who has numbers; others are told each event that was missed, once, and where the driver is', async () => {
    const { stored, got, begin, hear, stand } = scene();
    const trip = sampleTrip('t', { driverId: 'd' });
    begin(snapshot(trip, 4, 1));
    stored.push(...changeStatus(trip, 'EN_ROUTE', T0 + 2_000, BY));
    hear({ ...happening(FEED, 'e', 5), event: stored[0] as Happened, trip: structuredClone(trip) });
    const text = messageEvent(trip, { id: 'm', text: 'here', to: null, at: T0 + 3_000, by: BY });
    stored.push(...changeStatus(trip, 'ARRIVED', T0 + 3_000, BY), text, ...changeStatus(trip, 'IN_PROGRESS', T0 + 4_000, BY));
    const after = snapshot(trip, 9, 5);
    stand(after);
    hear(location(FEED, 'e', 9));
    await vi.waitFor(() => expect(got.other).toHaveLength(6));
    expect(got.resuming.map(({ type }) => type)).toEqual(['event', 'snapshot']);
    expect(got.other.map((one) => (one.type === 'event' ? one.event.id : one.type))).toEqual([
      't/status/EN_ROUTE',
      't/status/ARRIVED',
      't/message/m',
      't/status/IN_PROGRESS',
      'location',
      'snapshot',
    ]);
    expect(got.other.find(({ type }) => type === 'location')).toMatchObject({ driverId: 'd', fix: after.location, seq: 9 });
    hear(location(FEED, 'e', 10));
    expect(got.other.at(-1)).toMatchObject({ type: 'location', seq: 10 });
  });

  it('of which nothing follows are found by whoever doubts; a trip that is gone is told so', async () => {
    const { clock, stored, got, begin, doubt, stand } = scene();
    const trip = sampleTrip('t', { driverId: 'd' });
    begin(snapshot(trip, 4, 1));
    stored.push(...changeStatus(trip, 'EN_ROUTE', T0 + 2_000, BY));
    stand(snapshot(trip, 5, 1));
    doubt();
    clock.pass(100);
    await vi.waitFor(() => expect(got.other.map(({ type }) => type)).toEqual(['event', 'snapshot']), 5_000);
    stand({ type: 'removed', feed: FEED });
    doubt();
    clock.pass(100);
    await vi.waitFor(() => expect(got.resuming.at(-1)?.type).toBe('removed'));
  });
});
