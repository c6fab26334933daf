import { setTimeout as sleep } from 'node:timers/promises';
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { newDriver } from '../core/driver.ts';
import type { Published } from '../core/effects.ts';
import { newLife } from '../core/life.ts';
import { happening, location, sampleTrip, T0 } from './contracts/samples.ts';
import type { Snapshot } from './delivery.ts';
import { KEPT, UNSEEN } from './kept.ts';
import { type Numbered, Sequence } from './sequence.ts';

const FEED = 'trip:t';

function snapshot(epoch: string, seq: number, revision = 1): Snapshot {
  return { type: 'snapshot', feed: FEED, epoch, seq, trip: sampleTrip('t', { revision }), driver: null, location: null, etas: [] };
}

/** A feed: what was published, what is held of it, and a sequence of one who hears some of it. */
function feed({ held = true, stands = snapshot('z', 0) as Snapshot | null } = {}) {
  const kept: Published[] = [];
  const passed: Numbered[] = [];
  const sequence = new Sequence({
    pass: (delivery) => void passed.push(delivery),
    since: async (epoch, seq) => {
      await sleep(0);
      const life = kept.filter((one) => one.epoch === epoch);
      return held && life.length > 0 ? life.filter((one) => one.seq > seq) : null;
    },
    snapshot: async () => stands,
    lost: async (snapshot) => {
      passed.push(snapshot);
      return [];
    },
    newLife: () => undefined,
    now: () => 0,
    warn: () => undefined,
  });
  const publish = (epoch: string, seq: number, isHeard: boolean): void => {
    const one = location(FEED, epoch, seq);
    kept.push(one);
    if (isHeard) sequence.take(one);
  };
  return { sequence, publish, passed, numbers: () => passed.map(({ epoch, seq }) => `${epoch}${seq}`) };
}

describe('the messages of a feed [P7]', () => {
  it('that come in order are passed on at once', () => {
    const { sequence, publish, numbers } = feed();
    sequence.startAt({ epoch: 'a', seq: 4 });
    for (const seq of [5, 6, 7]) publish('a', seq, true);
    expect(numbers()).toEqual(['a5', 'a6', 'a7']);
    publish('b', 1, true);
    expect(numbers()).toEqual(['a5', 'a6', 'a7', 'b1']);
  });

  it('that are repeated are passed on once', () => {
    const { sequence, numbers } = feed();
    sequence.startAt({ epoch: 'a', seq: 1 });
    for (const seq of [1, 2, 2, 1, 3]) sequence.take(location(FEED, 'a', seq));
    expect(numbers()).toEqual(['a2', 'a3']);
  });

  it('that got lost while it cannot be seen who has the driver are marked by a snapshot once it can, and the next ones follow', async () => {
    const kept: Snapshot = { ...snapshot(KEPT, 0), feed: 'driver:d', trip: null, driver: newDriver('d', KEPT) };
    const live: Snapshot = { ...kept, epoch: 'a', seq: 5, driver: newDriver('d', 'a') };
    const seen = [kept, live];
    const passed: Numbered[] = [];
    const sequence = new Sequence({
      pass: (delivery) => void passed.push(delivery),
      since: async () => null,
      snapshot: async () => seen.shift() ?? live,
      lost: async (snapshot) => {
        passed.push(snapshot);
        return [];
      },
      newLife: () => undefined,
      now: () => 0,
      warn: () => undefined,
    });
    sequence.startAt({ epoch: 'a', seq: 1 });
    sequence.take(location('driver:d', 'a', 4));
    await vi.waitFor(() => expect(passed).toEqual([live]), { timeout: 5_000 });
    sequence.take(location('driver:d', 'a', 6));
    expect(passed.map(({ epoch, seq }) => `${epoch}${seq}`)).toEqual(['a5', 'a6']);
  });

  it('that got lost are not marked by a snapshot of a life that is over: it is asked again where the feed stands [O1]', async () => {
    const asked: (readonly string[])[] = [];
    const passed: Numbered[] = [];
    const seen = [snapshot('a', 9), snapshot('b', 4)];
    const sequence = new Sequence({
      pass: (delivery) => void passed.push(delivery),
      since: async () => null,
      snapshot: async ({ told }) => {
        asked.push(told);
        return seen.shift() ?? null;
      },
      lost: async (one) => {
        passed.push(one);
        return [];
      },
      newLife: () => undefined,
      now: () => 0,
      warn: () => undefined,
    });
    sequence.startAt({ epoch: 'a', seq: 1 });
    sequence.take(location(FEED, 'b', 1));
    sequence.take(location(FEED, 'b', 4));
    await vi.waitFor(() => expect(passed.map(({ epoch, seq }) => `${epoch}${seq}`)).toEqual(['b1', 'b4']), { timeout: 5_000 });
    expect(asked).toEqual([
      ['a', 'b'],
      ['a', 'b'],
    ]);
  });

  describe('and it cannot be seen where the feed stands, when somebody goes on from where it stood [O2]', () => {
    const driven = (epoch: string, seq: number): Snapshot => ({ ...snapshot(epoch, seq), trip: null, driver: newDriver('d', epoch) });

    /** One who goes on from a3, at a feed that stands as `stands` says. */
    function goingOn(stands: Snapshot) {
      const { sequence, publish, numbers } = feed({ stands });
      sequence.startAt({ epoch: 'a', seq: 3 });
      sequence.goOn();
      return { sequence, publish, numbers };
    }

    it('and whoever comes anew is told what is stored, all are told where it stands once it can', async () => {
      const { sequence, publish, numbers } = feed({ stands: driven('a', 9) });
      sequence.startAt({ epoch: 'a', seq: 9 });
      sequence.startAt({ epoch: UNSEEN, seq: 0 }, driven(UNSEEN, 0));
      publish('a', 10, true);
      await vi.waitFor(() => expect(numbers()).toEqual(['a9', 'a10']));
    });

    it('nothing is told until it can', () => {
      const { sequence, numbers } = goingOn(driven('a', 3));
      sequence.standsAt(driven(UNSEEN, 0));
      sequence.mustReach({ epoch: 'a', seq: 9 });
      expect([numbers(), sequence.isWaiting, sequence.position]).toEqual([[], true, { epoch: 'a', seq: 3 }]);
    });

    it.each([driven('a', 3), driven('a', 9), driven('b', 2)])('then it is, once: $epoch $seq', async (stands) => {
      const { sequence, publish, numbers } = goingOn(stands);
      sequence.standsAt(stands);
      await vi.waitFor(() => expect(numbers()).toEqual([`${stands.epoch}${stands.seq}`]));
      sequence.standsAt(stands);
      publish(stands.epoch, stands.seq + 1, true);
      expect(numbers()).toEqual([`${stands.epoch}${stands.seq}`, `${stands.epoch}${stands.seq + 1}`]);
      expect(sequence.isWaiting).toBe(false);
    });

    it('or before the next message, though that seems to follow: they who go on may lack more', async () => {
      const { publish, numbers } = goingOn(driven('a', 6));
      for (const seq of [4, 5, 6, 7]) publish('a', seq, true);
      await vi.waitFor(() => expect(numbers()).toEqual(['a6', 'a7']));
    });

    it('and nobody has the driver: then what is stored is told, after it was looked for whoever has', async () => {
      const { sequence, numbers } = goingOn(driven(KEPT, 0));
      sequence.standsAt(driven(KEPT, 0));
      expect(numbers()).toEqual([]);
      await vi.waitFor(() => expect(numbers()).toEqual(['kept0']), { timeout: 10_000 });
    });
  });

  it('of an earlier life that come late are left out, though nobody told of that one here', async () => {
    const [early, late] = [newLife(T0, 'x'), newLife(T0 + 1, 'x')];
    const { sequence, publish, numbers } = feed({ stands: snapshot(late, 4) });
    sequence.startAt({ epoch: late, seq: 4 });
    for (const seq of [1, 8]) sequence.take(location(FEED, early, seq));
    await vi.waitFor(() => expect(numbers()).toEqual([`${late}4`]), { timeout: 5_000 });
    publish(late, 5, true);
    sequence.take(location(FEED, early, 2));
    expect(numbers()).toEqual([`${late}4`, `${late}5`]);
  });

  it('of a new life are told though its clock is behind, and the one before is told to nobody again [O1]', async () => {
    const [ahead, behind] = [newLife(T0 + 3_000, 'x'), newLife(T0, 'x')];
    const { sequence, publish, numbers } = feed();
    sequence.startAt({ epoch: ahead, seq: 4 });
    for (const seq of [1, 2]) publish(behind, seq, true);
    await vi.waitFor(() => expect(numbers()).toEqual([`${behind}1`, `${behind}2`]));
    expect(sequence.told).toEqual([behind]);
    sequence.standsAt(snapshot(ahead, 4));
    sequence.take(location(FEED, ahead, 5));
    publish(behind, 3, true);
    expect(numbers()).toEqual([1, 2, 3].map((seq) => `${behind}${seq}`));
  });

  it('of a life of the counter that is over are left out', () => {
    const { sequence, numbers } = feed();
    sequence.startAt({ epoch: 'a', seq: 1 });
    for (const [epoch, seq] of [
      ['a', 2],
      ['b', 1],
      ['a', 3],
      ['b', 2],
    ] as const)
      sequence.take(location(FEED, epoch, seq));
    expect(numbers()).toEqual(['a2', 'b1', 'b2']);
  });

  it('that got lost come before those that follow them, whichever got lost; none comes twice', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.tuple(fc.boolean(), fc.boolean()), { minLength: 1, maxLength: 30 }), async (steps) => {
        const { sequence, publish, numbers } = feed();
        sequence.startAt({ epoch: 'a', seq: 0 });
        let [epoch, seq] = ['a', 0];
        const all: string[] = [];
        for (const [isHeard, isNewLife] of steps) {
          if (isNewLife && seq > 0) [epoch, seq] = [`${epoch}'`, 0];
          publish(epoch, ++seq, isHeard);
          if (isHeard && seq % 3 === 0) await sleep(0);
        }
        // Of the life before, what nobody heard of is lost with it: of the last one nothing is.
        for (let n = 1; n <= seq; n++) all.push(`${epoch}${n}`);
        await vi.waitFor(() => {
          sequence.standsAt(snapshot(epoch, seq));
          expect(numbers().filter((one) => one.startsWith(epoch) && /^\d+$/.test(one.slice(epoch.length)))).toEqual(all);
        });
        expect(new Set(numbers()).size).toBe(numbers().length);
      }),
      { numRuns: 60 },
    );
  });

  it('that nobody holds any more end in a snapshot, after which it goes on', async () => {
    const { sequence, publish, numbers } = feed({ held: false, stands: snapshot('a', 9) });
    sequence.startAt({ epoch: 'a', seq: 1 });
    publish('a', 5, true);
    publish('a', 9, true);
    publish('a', 10, true);
    await vi.waitFor(() => expect(numbers()).toEqual(['a9', 'a10']), { timeout: 5_000 });
  });

  it('that are told to be there are fetched though nothing follows them', async () => {
    const { sequence, publish, numbers } = feed();
    sequence.startAt({ epoch: 'a', seq: 1 });
    publish('a', 2, false);
    sequence.mustReach({ epoch: 'a', seq: 2 });
    await vi.waitFor(() => expect(numbers()).toEqual(['a2']));
    sequence.mustReach({ epoch: 'a', seq: 1 });
    publish('a', 3, true);
    expect(numbers()).toEqual(['a2', 'a3']);
  });

  it('a trip told from the store after its driver has told of it newer is left out, with all that follows in that life', () => {
    const { sequence, numbers } = feed();
    sequence.startAt({ epoch: 'stored.1', seq: 0 });
    sequence.take({ ...happening(FEED, 'a', 1), trip: sampleTrip('t', { revision: 3 }) });
    sequence.take(snapshot('stored.2', 0, 2));
    sequence.take(happening(FEED, 'stored.2', 1));
    sequence.take(location(FEED, 'a', 2));
    expect(numbers()).toEqual(['a1', 'a2']);
    sequence.take(snapshot('stored.4', 0, 4));
    expect(numbers()).toEqual(['a1', 'a2', 'stored.40']);
  });
});
