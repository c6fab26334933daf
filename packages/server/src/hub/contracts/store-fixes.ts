import { describe, expect, it } from 'vitest';
import { fill, places, type StorePlace } from './place.ts';
import { commitOf, driverAt, fixAt, history, numbered, row, T0 } from './samples.ts';

/** What a store must hold of fixes it has already. */
export function knownFixesContract(name: string, make: () => StorePlace): void {
  const { place, open } = places(make);

  describe(`${name} knows fixes it has`, () => {
    /** Unsure rows and what they are: 1, 3 and 4 are known. */
    const first = [row(1, 1), numbered(2, 2, 7), numbered(3, 3, 8)];
    const again = [
      row(10, 50, { unsure: true }),
      row(11, 1, { unsure: true }),
      row(12, 1, { unsure: true, fix: fixAt(1, 1) }),
      numbered(13, 2, 7, { unsure: true }),
      row(14, 3, { unsure: true }),
      numbered(15, 2, 9, { unsure: true }),
      row(16, 1, { unsure: true, driverId: 'other' }),
      numbered(17, 2, 7, { unsure: true, stream: 'another' }),
    ];
    const stored = [1, 1, 2, 2, 2, 3, 50];

    it('that lie where commits land, numbered and not [F9, F10]', async () => {
      const store = await open();
      await store.commit(commitOf({ rows: first }));
      expect((await store.commit(commitOf({ rows: again }))).duplicates).toEqual([1, 3, 4]);
      expect((await history(store, 'd', 100)).map(({ fix }) => (fix.at - T0) / 1000)).toEqual(stored);
      expect(await history(store, 'other', 100)).toHaveLength(1);
    });

    it('that have been moved since [F10]', async () => {
      const at = place();
      const store = await open(at);
      await store.commit(commitOf({ rows: first, snapshots: [driverAt('d', 3)] }));
      await fill(store, at);
      expect((await store.commit(commitOf({ rows: again }))).duplicates).toEqual([1, 3, 4]);
      expect((await history(store, 'd', 100)).map(({ fix }) => (fix.at - T0) / 1000)).toEqual(stored);
    });

    it('that were stored before it was opened [F10, A6]', async () => {
      const at = place();
      const store = await open(at);
      await store.commit(commitOf({ rows: first }));
      await store.close();
      expect((await (await open(at)).commit(commitOf({ rows: again }))).duplicates).toEqual([1, 3, 4]);
    });

    it('that come in the same commit [F9, F10]', async () => {
      const store = await open();
      const rows = [
        row(1, 1),
        row(2, 1, { unsure: true }),
        numbered(3, 2, 7),
        numbered(4, 2, 7, { unsure: true }),
        row(5, 9, { unsure: true }),
        row(6, 9, { unsure: true }),
      ];
      expect((await store.commit(commitOf({ rows }))).duplicates).toEqual([1, 3, 5]);
      expect(await history(store, 'd', 100)).toHaveLength(3);
    });

    it('and takes those that are sure for what they are, without looking', async () => {
      const store = await open();
      await store.commit(commitOf({ rows: first }));
      expect((await store.commit(commitOf({ rows: [row(4, 1)] }))).duplicates).toEqual([]);
      expect(await history(store, 'd', 100)).toHaveLength(4);
    });
  });
}
