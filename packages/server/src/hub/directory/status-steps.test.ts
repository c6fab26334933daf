import { TRIP_STATUSES } from '@waycast/protocol';
import fc from 'fast-check';
import { expect, it } from 'vitest';
import { firstStatus, isOpen, wayTo } from '../../core/lifecycle.ts';
import { statusSteps } from './status-steps.ts';

it('a ride is completed step by step from wherever it stands [T1, X5]', () => {
  expect(statusSteps('ride', 'PENDING', 'COMPLETED')).toEqual(['EN_ROUTE', 'ARRIVED', 'IN_PROGRESS', 'COMPLETED']);
  expect(statusSteps('ride', 'ARRIVED', 'COMPLETED')).toEqual(['IN_PROGRESS', 'COMPLETED']);
  expect(statusSteps('ride', 'COMPLETED', 'COMPLETED')).toEqual([]);
  expect(statusSteps('ride', 'CANCELLED', 'COMPLETED')).toEqual([]);
});

it('and cancelled at once', () => {
  for (const from of ['PENDING', 'EN_ROUTE', 'ARRIVED', 'IN_PROGRESS'] as const)
    expect(statusSteps('ride', from, 'CANCELLED')).toEqual(['CANCELLED']);
});

it('every step is one the lifecycle has, and every end can be reached [T1]', () => {
  fc.assert(
    fc.property(
      fc.constantFrom('ride', 'delivery'),
      fc.constantFrom(...TRIP_STATUSES),
      fc.constantFrom(...TRIP_STATUSES),
      (kind, from, to) => {
        const steps = statusSteps(kind, from, to);
        let at = from;
        for (const next of steps) {
          expect(wayTo(kind, at, next, false)).toEqual([next]);
          at = next;
        }
        if (steps.length > 0) expect(at).toBe(to);
        const known = from === firstStatus(kind) || wayTo(kind, firstStatus(kind), from, true) !== null;
        if (known && isOpen(kind, from) && to === 'CANCELLED') expect(steps).toEqual(['CANCELLED']);
      },
    ),
  );
});
