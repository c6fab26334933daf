import fc from 'fast-check';
import { expect, it } from 'vitest';
import { idOf, PER_MS, positionOf, timeOf } from './positions.ts';

const ms = fc.integer({ min: Date.UTC(2020, 0, 1), max: Date.UTC(2089, 0, 1) });
const seq = fc.integer({ min: 0, max: PER_MS - 1 });

it('an id and its position are the same thing, and exact numbers [P5]', () => {
  fc.assert(
    fc.property(ms, seq, (at, n) => {
      const position = positionOf(`${at}-${n}`);
      expect(Number.isSafeInteger(position)).toBe(true);
      expect(idOf(position)).toBe(`${at}-${n}`);
      expect(timeOf(position)).toBe(at);
    }),
  );
});

it('positions are in the order of their ids, and the next one is the next id', () => {
  fc.assert(
    fc.property(ms, seq, ms, seq, (a, m, b, n) => {
      expect(Math.sign(positionOf(`${a}-${m}`) - positionOf(`${b}-${n}`))).toBe(Math.sign(a - b || m - n));
    }),
  );
  const last = positionOf(`1700000000000-${PER_MS - 1}`);
  expect(idOf(last + 1)).toBe('1700000000001-0');
  expect(idOf(0)).toBe(`${Date.UTC(2020, 0, 1)}-0`);
});
