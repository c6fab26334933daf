import { describe, expect, it, vi } from 'vitest';
import type { Published } from '../core/effects.ts';
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
  let ring: (seq: number) => Promise<readonly Published[] | null> = async () => null;
  const hot = {
    hold: () => undefined,
    release: () => undefined,
    since: (_feed: string, _epoch: string, seq: number) => ring(seq),
    heads: async () => [],
  } as unknown as Hot;
  const parts = { bus, hot, clock, shared: true, events: async () => stored, doubted: () => undefined, warn: () => undefined };
  const watchers = new Watchers(parts);
  let stands: readonly Delivery[] = [];
  watchers.lookBy(async () => stands);
  const got = { resuming: [] as Delivery[], other: [] as Delivery[] };
  const join = (who: 'resuming' | 'other', from: FeedPosition, at: Snapshot | null) => {
    const watcher = { deliver: (delivery: Delivery) => void got[who].push(delivery) };
    watchers.await(FEED, watcher, who === 'resuming');
    watchers.begin(FEED, watcher, from, () => undefined, at);
    return { leave: () => watchers.remove(FEED, watcher) };
  };
  const begin = (snapshot: Snapshot): void => {
    for (const who of ['resuming', 'other'] as const) join(who, snapshot, snapshot);
  };
  return {
    clock,
    stored,
    got,
    begin,
    join,
    ring: (since: typeof ring) => {
      ring = since;
    },
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

  it('are found where nobody counts any more: the end of a trip, or of one that nobody drives', async () => {
    for (const was of ['e', 'stored.1']) {
      const { clock, stored, got, begin, doubt, stand } = scene();
      const trip = sampleTrip('t', { driverId: was === 'e' ? 'd' : null });
      begin({ ...snapshot(trip, was === 'e' ? 4 : 0, 1), epoch: was });
      stored.push(...changeStatus(trip, 'CANCELLED', T0 + 2_000, BY));
      const end: Snapshot = { ...snapshot(trip, 0, 1), epoch: `stored.${trip.revision}`, driver: null, location: null };
      stand(end);
      for (let n = 0; n < 3; n++) {
        doubt();
        clock.pass(100);
        await vi.waitFor(() => expect(got.other.map(({ type }) => type)).toEqual(['event', 'snapshot']));
      }
      expect(got.resuming).toEqual([end]);
    }
  });

  it('are told once, texts too, however often something is lost and whatever comes late', async () => {
    const { stored, got, begin, hear, stand } = scene();
    const trip = sampleTrip('t', { driverId: 'd' });
    begin(snapshot(trip, 0, 1));
    let seq = 0;
    const say = (isHeard: boolean): void => {
      seq++;
      const event = messageEvent(trip, { id: `m${seq}`, text: 'hello', to: null, at: T0 + seq, by: BY });
      stored.push(event);
      stand(snapshot(trip, seq, 1));
      if (isHeard) hear({ ...happening(FEED, 'e', seq), event, trip: structuredClone(trip) });
    };
    for (let round = 0; round < 4; round++) {
      for (let n = 0; n < 15; n++) say(true);
      say(false);
      say(true);
      const texts = () => got.other.flatMap((one) => (one.type === 'event' ? [one.event.id] : []));
      await vi.waitFor(() => expect(texts()).toHaveLength(seq), 5_000);
      expect(new Set(texts()).size).toBe(seq);
    }
  });

  it('with an owner who stored them and said nothing are found by the first word of the next one', async () => {
    const { clock, stored, got, begin, hear, stand } = scene();
    const trip = sampleTrip('t', { driverId: 'd' });
    begin(snapshot(trip, 4, 1));
    stored.push(...changeStatus(trip, 'EN_ROUTE', T0 + 2_000, BY));
    stand({ ...snapshot(trip, 1, 6), epoch: 'f' });
    hear(location(FEED, 'f', 1));
    for (let n = 0; n < 3; n++) {
      clock.pass(100);
      await new Promise(setImmediate);
    }
    await vi.waitFor(() => expect(got.other.map((one) => (one.type === 'event' ? one.event.id : one.type))).toContain('t/status/EN_ROUTE'));
  });

  it('are told to who came after somebody who resumed', async () => {
    const { stored, got, join, hear, stand } = scene();
    const trip = sampleTrip('t', { driverId: 'd' });
    join('resuming', { epoch: 'e', seq: 4 }, null);
    join('other', snapshot(trip, 4, 1), snapshot(trip, 4, 1));
    stored.push(...changeStatus(trip, 'EN_ROUTE', T0 + 2_000, BY));
    stand(snapshot(trip, 6, 1));
    hear(location(FEED, 'e', 6));
    await vi.waitFor(() => expect(got.other.map(({ type }) => type)).toEqual(['event', 'snapshot']), 5_000);
  });

  it('are nobody else\u2019s: who leaves while they are looked for takes the looking along', async () => {
    const { got, join, hear, stand, ring } = scene();
    const trip = sampleTrip('t', { driverId: 'd' });
    const first = join('resuming', snapshot(trip, 4, 1), snapshot(trip, 4, 1));
    const asked = Promise.withResolvers<void>();
    const held = Promise.withResolvers<readonly Published[]>();
    let asks = 0;
    ring(() => {
      asks++;
      asked.resolve();
      return held.promise;
    });
    hear(location(FEED, 'e', 9));
    await asked.promise;
    first.leave();
    stand(snapshot(trip, 10, 1));
    join('other', snapshot(trip, 10, 1), snapshot(trip, 10, 1));
    held.resolve([5, 6, 7, 8].map((seq) => location(FEED, 'e', seq)));
    hear(location(FEED, 'e', 11));
    await vi.waitFor(() => expect(got.other).toHaveLength(1));
    expect(got.other[0]).toMatchObject({ seq: 11 });
    expect(got.resuming).toEqual([]);
    expect(asks).toBe(1);
  });
});
