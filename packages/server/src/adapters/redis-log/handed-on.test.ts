import fc from 'fast-check';
import { expect, it } from 'vitest';
import { HandedOn } from './handed-on.ts';

it('weighs what was added and is neither stored nor forgotten, whatever comes in which order [P5]', () => {
  const step = fc.oneof(
    {
      weight: 6,
      arbitrary: fc.record({ what: fc.constant('add' as const), partition: fc.nat(2), by: fc.integer({ min: 1, max: 1_000 }) }),
    },
    { weight: 3, arbitrary: fc.record({ what: fc.constant('stored' as const), partition: fc.nat(2), by: fc.nat(3_000) }) },
    { weight: 1, arbitrary: fc.record({ what: fc.constant('forget' as const), partition: fc.nat(2), by: fc.constant(0) }) },
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 3_000, size: 'max' }), (steps) => {
      const handed = new HandedOn();
      let model: { partition: number; position: number; weight: number }[] = [];
      for (const [position, { what, partition, by }] of steps.entries()) {
        if (what === 'add') {
          handed.add(partition, position, by);
          model.push({ partition, position, weight: by });
        } else if (what === 'stored') handed.stored(partition, by);
        else handed.forget(partition);
        if (what !== 'add') model = model.filter((one) => one.partition !== partition || (what === 'stored' && one.position > by));
        expect(handed.weight).toBe(model.reduce((sum, { weight }) => sum + weight, 0));
      }
    }),
    { numRuns: 20 },
  );
});
