import fc from 'fast-check';
import { expect, it } from 'vitest';
import { matching } from './matching.ts';

/** How many lefts can be served at most, by trying everything. */
function best(edges: readonly (readonly number[])[], taken: ReadonlySet<number> = new Set()): number {
  const [first, ...rest] = edges;
  if (first === undefined) return 0;
  const tries = first.filter((right) => !taken.has(right)).map((right) => 1 + best(rest, new Set([...taken, right])));
  return Math.max(best(rest, taken), ...tries);
}

const graphs = fc.array(fc.uniqueArray(fc.nat({ max: 5 }), { maxLength: 4 }), { maxLength: 7 });

it('pairs as many as can be paired, each right once, and the earlier lefts first', () => {
  fc.assert(
    fc.property(graphs, (edges) => {
      const rights = matching(edges);
      const used = rights.filter((right) => right !== -1);
      expect(new Set(used).size).toBe(used.length);
      rights.forEach((right, left) => {
        if (right !== -1) expect(edges[left]).toContain(right);
      });
      edges.forEach((_, i) => {
        expect(rights.slice(0, i + 1).filter((right) => right !== -1)).toHaveLength(best(edges.slice(0, i + 1)));
      });
    }),
    { numRuns: 500 },
  );
});
