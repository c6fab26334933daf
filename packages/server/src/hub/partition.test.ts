import fc from 'fast-check';
import { expect, it } from 'vitest';
import { partitionOf } from './partition.ts';
import { PARTITIONS } from './ports.ts';

it.each([
  ['', 5],
  ['a', 44],
  ['foobar', 40],
])('of %j is %d for ever: FNV-1a, offset basis and test vectors of its authors', (id, partition) => {
  expect(partitionOf(id)).toBe(partition);
});

it('is one of 64, and the same each time', () => {
  expect(PARTITIONS).toBe(64);
  fc.assert(
    fc.property(fc.stringMatching(/^[A-Za-z0-9_.:-]{1,64}$/), (id) => {
      const partition = partitionOf(id);
      expect(Number.isInteger(partition) && partition >= 0 && partition < 64).toBe(true);
      expect(partitionOf(id)).toBe(partition);
    }),
  );
});

it('spreads a fleet evenly', () => {
  const counts = new Array<number>(PARTITIONS).fill(0);
  for (let n = 0; n < 64_000; n++) counts[partitionOf(`driver-${n}`)] = (counts[partitionOf(`driver-${n}`)] ?? 0) + 1;
  expect(Math.min(...counts)).toBeGreaterThan(700);
  expect(Math.max(...counts)).toBeLessThan(1_300);
});
