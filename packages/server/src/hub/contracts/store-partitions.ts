import { describe, expect, it } from 'vitest';
import { partitionOf } from '../partition.ts';
import { places, type StorePlace } from './place.ts';
import { ALL_PARTITIONS, commitOf, outboxEntry, resumed, sampleTrip, T0 } from './samples.ts';

/** What a store must hold for those who take partitions and give them away. */
export function partitionsContract(name: string, make: () => StorePlace): void {
  const { place, open } = places(make);

  describe(`${name} hands partitions over`, () => {
    it('tells where each stands, in the order asked, also after closing and opening again [P4]', async () => {
      const at = place();
      const store = await open(at);
      const cursors = [
        { partition: 5, from: 0, to: 2 },
        { partition: 63, from: 0, to: 9 },
      ];
      await store.commit(commitOf({ cursors }));
      const positions = async (one: typeof store) => (await one.take([63, 0, 5])).map(({ partition, position }) => [partition, position]);
      const expected = [
        [63, 9],
        [0, 0],
        [5, 2],
      ];
      expect(await positions(store)).toEqual(expected);
      await store.close();
      expect(await positions(await open(at))).toEqual(expected);
    });

    it('knows no owner that went without a word while there was none [P6]', async () => {
      const store = await open();
      expect(await store.take([7, 8])).toEqual([
        { partition: 7, position: 0, deaths: 0 },
        { partition: 8, position: 0, deaths: 0 },
      ]);
      await store.release([7, 8]);
      expect((await store.take([7])).map(({ deaths }) => deaths)).toEqual([0]);
    });

    it('tells again of those that are its own, where they stand now', async () => {
      const store = await open();
      await store.take([7, 8]);
      await store.commit(commitOf({ cursors: [{ partition: 8, from: 0, to: 3 }] }));
      expect(await store.still([7, 8])).toEqual([
        { partition: 7, position: 0, deaths: 0 },
        { partition: 8, position: 3, deaths: 0 },
      ]);
    });

    it('what waits for the drivers of some, and nothing else [T7]', async () => {
      const store = await open();
      const drivers = ['a', 'b', 'c', 'd'];
      const entries = drivers.map((driverId) => outboxEntry(sampleTrip(`t-${driverId}`, { driverId })));
      await store.commit(commitOf({ outbox: [...entries, outboxEntry(sampleTrip('nobodys'))] }));
      expect(await store.waiting(ALL_PARTITIONS)).toEqual(entries);
      for (const [index, driverId] of drivers.entries()) expect(await store.waiting([partitionOf(driverId)])).toEqual([entries[index]]);
      expect(await store.waiting([])).toEqual([]);
    });

    it('counts how often a command was tried, durably, and anew for another one [P6]', async () => {
      const at = place();
      const store = await open(at);
      expect([await store.tried(4, 11), await store.tried(4, 11), await store.tried(5, 11)]).toEqual([1, 2, 1]);
      await store.close();
      const again = await open(at);
      expect(await again.tried(4, 11)).toBe(3);
      expect([await again.tried(4, 12), await again.tried(4, 12), await again.tried(5, 11)]).toEqual([1, 2, 2]);
    });

    it('keeps what was set aside with its error, and moves on [P6]', async () => {
      const at = place();
      const store = await open(at);
      const command = { kind: 'availability', driverId: 'd', receivedAt: T0, reply: 0, available: true } as const;
      const setAside = [
        { partition: 2, position: 1, command, error: "it's broken\n", at: T0 + 5 },
        { partition: 2, position: 3, command: { ...command, available: false }, error: 'again', at: T0 + 6 },
      ];
      await store.commit(commitOf({ setAside, cursors: [{ partition: 2, from: 0, to: 3 }] }));
      expect((await resumed(store)).cursors[2]).toBe(3);
      await store.close();
      expect(await at.setAside()).toEqual(setAside);
    });
  });
}
