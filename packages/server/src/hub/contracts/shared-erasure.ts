import { describe, expect, it } from 'vitest';
import { eraseAll } from './erase-all.ts';
import { places, type SharedPlace } from './place.ts';
import { ALL_PARTITIONS, commitOf, driverAt, history, numbered, T0 } from './samples.ts';

/** What a store must hold besides about erasing that several processes have open. */
export function sharedErasureContract(name: string, make: () => SharedPlace): void {
  const { place, open } = places(make);

  describe(`${name} erases between processes`, () => {
    it('one at a time, and the next when that one has ended [I13]', async () => {
      const at = place();
      const [mine, yours] = [await open(at), await open(at)];
      const work = await mine.eraser.begin();
      expect(work).not.toBeNull();
      expect(await yours.eraser.begin()).toBeNull();
      await work?.end();
      const next = await yours.eraser.begin();
      expect(next).not.toBeNull();
      await next?.end();
    });

    it('who had the driver before goes on with a new one, also amid its own commits [I14]', async () => {
      const at = place();
      const [mine, yours] = [await open(at), await open(at)];
      await mine.take(ALL_PARTITIONS);
      await mine.commit(commitOf({ rows: [numbered(1, 1, 1)], snapshots: [driverAt('d', 1)] }));
      await yours.take(ALL_PARTITIONS);
      await yours.commit(commitOf({ erased: [{ driverId: 'd', at: T0 }] }));
      await mine.take(ALL_PARTITIONS);
      await mine.commit(commitOf({ rows: [numbered(1, 5, 1)] }));
      expect((await history(yours, 'd', 10)).map(({ fix }) => fix.at)).toEqual([T0 + 5_000]);
      await eraseAll(yours);
      expect((await history(mine, 'd', 10)).map(({ fix }) => fix.at)).toEqual([T0 + 5_000]);
    });
  });
}
