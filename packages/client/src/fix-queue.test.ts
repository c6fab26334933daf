import fc from 'fast-check';
import { expect, test } from 'vitest';
import { FixQueue } from './fix-queue.ts';

const seqs = (parts: string[]) => parts.map((part) => (JSON.parse(part) as { seq: number }).seq);
const filled = (count: number, capacity = 1_000) => {
  const queue = new FixQueue(capacity);
  for (let i = 0; i < count; i++) queue.push(`"lat":${i}`, i);
  return queue;
};

test('numbers from 1 and hands out in order', () => {
  const queue = filled(5);
  expect(seqs(queue.take(3, 100, 10_000).parts)).toEqual([1, 2, 3]);
  expect(queue.first()).toEqual({ seq: 4, at: 3 });
  expect(seqs(queue.take(3, 100, 10_000).parts)).toEqual([4, 5]);
  expect(queue.unsent).toBe(0);
  expect(queue.unacknowledged).toBe(5);
});

test('forgets only what is stored', () => {
  const queue = filled(5);
  queue.take(5, 100, 10_000);
  queue.accept(4);
  expect([queue.size, queue.unacknowledged]).toEqual([5, 1]);
  queue.settle(3);
  expect([queue.size, queue.base, queue.unacknowledged]).toEqual([2, 4, 1]);
  queue.settle(1);
  expect(queue.base).toBe(4);
  queue.settle(99);
  expect([queue.size, queue.base, queue.next]).toEqual([0, 6, 6]);
});

test('a refusal gives back the fix and what followed it in the same message', () => {
  const queue = filled(9);
  queue.take(3, 100, 10_000);
  queue.take(4, 100, 10_000);
  queue.refuse(5);
  expect(seqs(queue.take(10, 100, 10_000).parts)).toEqual([5, 6, 7, 8, 9]);
});

test('a refusal without a number gives back everything on its way', () => {
  const queue = filled(6);
  queue.take(6, 100, 10_000);
  queue.accept(2);
  queue.refuse();
  expect(seqs(queue.take(10, 100, 10_000).parts)).toEqual([3, 4, 5, 6]);
});

test('a full queue drops its oldest', () => {
  const queue = filled(3, 3);
  expect(queue.push('"lat":9', 9)).toBe(1);
  expect([queue.base, queue.next, queue.unsent]).toEqual([2, 5, 3]);
});

test('a message ends before it is too large, but one fix always fits', () => {
  const queue = filled(4);
  expect(seqs(queue.take(9, 100, 45).parts)).toEqual([1, 2]);
  expect(seqs(queue.take(9, 100, 1).parts)).toEqual([3]);
  expect(seqs(queue.take(9, 4, 100).parts)).toEqual([]);
});

type Step =
  | { do: 'push' }
  | { do: 'take'; count: number }
  | { do: 'settle' | 'accept' | 'resume' | 'refuse'; at: number }
  | { do: 'refuseAll' };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.constant<Step>({ do: 'push' }) },
  { weight: 2, arbitrary: fc.record({ do: fc.constant('take' as const), count: fc.integer({ min: 1, max: 8 }) }) },
  fc.record({
    do: fc.constantFrom('settle' as const, 'accept' as const, 'resume' as const, 'refuse' as const),
    at: fc.double({ min: 0, max: 1, noNaN: true }),
  }),
  fc.constant<Step>({ do: 'refuseAll' }),
);

test('whatever happens: the counters are true, and everything held comes out in the end', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120 }), (steps) => {
      const queue = new FixQueue(25);
      let sent = 0;
      for (const s of steps) {
        // Only what was sent can be answered.
        const seq = 'at' in s ? Math.floor(s.at * sent) : 0;
        if (s.do === 'push') queue.push('"lat":1', 0);
        else if (s.do === 'take') sent = Math.max(sent, ...seqs(queue.take(s.count, Number.POSITIVE_INFINITY, 10_000).parts));
        else if (s.do === 'refuseAll') queue.refuse();
        else if (s.do !== 'refuse' || seq > 0) queue[s.do](seq);
        expect(queue.size).toBeLessThanOrEqual(25);
        expect(queue.unsent).toBeGreaterThanOrEqual(0);
        expect(queue.unsent).toBeLessThanOrEqual(queue.size);
        expect(queue.unacknowledged).toBeLessThanOrEqual(queue.size - queue.unsent);
        expect(queue.first() === undefined).toBe(queue.unsent === 0);
      }
      queue.resume(queue.base - 1);
      const rest = seqs(queue.take(1_000, Number.POSITIVE_INFINITY, 100_000).parts);
      expect(rest).toEqual(Array.from({ length: queue.size }, (_, i) => queue.base + i));
    }),
    { numRuns: 300 },
  );
});
