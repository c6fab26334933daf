import { DRIVER_STATUSES } from '@waycast/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FleetRow } from './delivery.ts';
import { FleetColumns } from './fleet-columns.ts';

const text = fc.option(fc.string());
const number = fc.double({ noNaN: true, noDefaultInfinity: true });
const row: fc.Arbitrary<FleetRow> = fc.record({
  driver: fc.string({ minLength: 1 }),
  name: text,
  vehicle: text,
  status: fc.constantFrom(...DRIVER_STATUSES),
  stale: fc.boolean(),
  lat: number,
  lng: number,
  speed: fc.option(number),
  bearing: fc.option(number),
  at: fc.integer({ min: 0, max: 4e12 }),
  heardAt: fc.integer({ min: 0, max: 4e12 }),
  trips: fc.array(fc.string(), { maxLength: 2 }),
  labels: fc.array(fc.string(), { maxLength: 2 }),
});

describe('rows of the fleet in columns', () => {
  it('are what was put there last, each of them, until nobody is there [N2]', () => {
    const change = fc.record({ slot: fc.nat(40), row: fc.option(row) });
    fc.assert(
      fc.property(fc.array(change), fc.integer({ min: 0, max: 3_000 }), (changes, offset) => {
        const columns = new FleetColumns();
        const model = new Map<number, FleetRow | null>();
        for (const { slot, row: put } of changes) {
          if (put !== null) {
            columns.put(offset + slot, put);
            model.set(slot, put);
          } else if (model.has(slot)) {
            columns.clear(offset + slot);
            model.set(slot, null);
          }
        }
        for (const [slot, expected] of model) {
          expect(columns.status(offset + slot)).toBe(expected?.status ?? null);
          if (expected !== null) expect(columns.row(offset + slot)).toEqual(expected);
        }
      }),
    );
  });
});
