import { describe, expect, it } from 'vitest';
import { places, type StorePlace } from './place.ts';
import { changedEvent, commitOf, creation, fixAt, history, resumed, row, sampleTrip } from './samples.ts';

/** What a store must hold when it closes, and of what it cannot keep. */
export function endsContract(name: string, make: () => StorePlace): void {
  const { place, open } = places(make);

  describe(`${name} closes`, () => {
    it('after everything asked before, and twice is safe [A6]', async () => {
      const at = place();
      const store = await open(at);
      const committed = store.commit(commitOf({ rows: [row(1, 1)] }));
      await Promise.all([store.close(), store.close()]);
      await committed;
      await store.close();
      expect(await history(await open(at), 'd', 10)).toHaveLength(1);
    });

    it('also after a commit was refused for good [A8]', async () => {
      const at = place();
      const store = await open(at);
      await store.commit(commitOf({ cursors: [{ partition: 0, from: 0, to: 5 }] }));
      await expect(store.commit(commitOf({ cursors: [{ partition: 0, from: 0, to: 1 }] }))).rejects.toThrow();
      await store.close();
      expect((await resumed(await open(at))).cursors[0]).toBe(5);
    }, 5_000);
  });

  describe(`${name} refuses`, () => {
    const never = sampleTrip('never', { createdAt: null as never });

    it('what can never be stored, whole, and goes on with what comes after it [P6]', async () => {
      const store = await open();
      await store.commit(commitOf({ cursors: [{ partition: 0, from: 0, to: 1 }] }));
      const poison = commitOf({ rows: [row(2, 2)], trips: [never], cursors: [{ partition: 0, from: 1, to: 2 }] });
      const [refused, after, beside] = await Promise.allSettled([
        store.commit(poison),
        store.commit(commitOf({ rows: [row(3, 3)], cursors: [{ partition: 0, from: 2, to: 3 }] })),
        store.commit(commitOf({ rows: [row(1, 1)], cursors: [{ partition: 1, from: 0, to: 1 }] })),
      ]);
      expect(refused).toMatchObject({ status: 'rejected', reason: expect.not.objectContaining({ partitions: expect.anything() }) });
      // What was to follow it cannot: the cursor is not there yet.
      expect([after?.status, beside?.status]).toEqual(['rejected', 'fulfilled']);
      expect(store.health()).toEqual({ ok: true, problem: null });
      expect((await history(store, 'd', 10)).map(({ fix }) => fix.at)).toEqual([fixAt(1).at]);
      expect((await resumed(store)).cursors.slice(0, 2)).toEqual([1, 1]);
      await store.commit(commitOf({ rows: [row(3, 3)], cursors: [{ partition: 0, from: 1, to: 3 }] }));
      expect(await history(store, 'd', 10)).toHaveLength(2);
    });

    it('a change of a trip likewise [P6]', async () => {
      const store = await open();
      await expect(store.changeTrip(creation(never, { events: [changedEvent('never', 1)] }))).rejects.toThrow();
      expect([await store.trip('never'), await store.events('never')]).toEqual([undefined, []]);
      expect(await store.changeTrip(creation(sampleTrip('t')))).toBe(true);
    });
  });
}
