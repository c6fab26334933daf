import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { FixRow } from '../../core/effects.ts';
import type { OpenStore, StorePlace } from './place.ts';
import { asStored, commitOf, driverAt, fixAt, history, resumed, row } from './samples.ts';

const DRIVERS = ['a', 'b', 'c'];

interface SentRow {
  readonly driver: number;
  readonly second: number;
  readonly place: number;
  readonly seq: number | null;
  /** Unsure though it is new. */
  readonly unsure: boolean;
}

type Step =
  | { readonly kind: 'commit'; readonly rows: readonly SentRow[]; readonly whole: readonly number[] }
  /** With every driver stored whole, or only those that were before: the others hold it up. */
  | { readonly kind: 'compact'; readonly every: boolean }
  | { readonly kind: 'reopen' }
  | { readonly kind: 'look'; readonly pageSize: number };

const sentRow: fc.Arbitrary<SentRow> = fc.record({
  driver: fc.integer({ min: 0, max: DRIVERS.length - 1 }),
  second: fc.integer({ min: 0, max: 25 }),
  place: fc.integer({ min: 0, max: 1 }),
  seq: fc.option(fc.integer({ min: 1, max: 20 })),
  unsure: fc.boolean(),
});
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 10,
    arbitrary: fc.record({
      kind: fc.constant('commit' as const),
      rows: fc.array(sentRow, { maxLength: 12 }),
      whole: fc.uniqueArray(fc.integer({ min: 0, max: DRIVERS.length - 1 })),
    }),
  },
  { weight: 2, arbitrary: fc.boolean().map((every): Step => ({ kind: 'compact', every })) },
  { weight: 2, arbitrary: fc.constant<Step>({ kind: 'reopen' }) },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant('look' as const), pageSize: fc.integer({ min: 1, max: 9 }) }) },
);

/** What a store must hold, as lists. */
class Model {
  readonly rows: FixRow[] = [];
  readonly wholeAt = new Map<string, number>();
  position = 0;
  readonly #known = new Set<string>();

  /** The rows of a commit as the core would give them, and which of them are stored already. */
  commit(sent: readonly SentRow[]): { rows: FixRow[]; duplicates: number[] } {
    const duplicates: number[] = [];
    // A repeat within one commit is a case of its own in the contract.
    const here = new Set<string>();
    const rows = sent.flatMap(({ driver, second, place, seq, unsure }): FixRow[] => {
      const driverId = DRIVERS[driver] ?? '';
      const at = seq === null ? second : seq;
      const fix = fixAt(at, place);
      const content = `${driverId}/${fix.at}/${fix.lat}`;
      const number = seq === null ? null : `${driverId}#${seq}/${fix.at}`;
      const key = number ?? content;
      if (here.has(key) || here.has(content)) return [];
      here.add(key);
      here.add(content);
      const repeat = this.#known.has(key);
      return [row(++this.position, at, { driverId, fix, seq, stream: seq === null ? null : 'phone', unsure: unsure || repeat })];
    });
    rows.forEach((one, index) => {
      const content = `${one.driverId}/${one.fix.at}/${one.fix.lat}`;
      const key = one.seq === null ? content : `${one.driverId}#${one.seq}/${one.fix.at}`;
      if (this.#known.has(key)) {
        duplicates.push(index);
        return;
      }
      this.#known.add(key);
      this.#known.add(content);
      this.rows.push(one);
    });
    return { rows, duplicates };
  }

  /** In capture order, ties by receipt. */
  history(driverId: string): FixRow[] {
    return this.rows.filter((one) => one.driverId === driverId).sort((a, b) => a.fix.at - b.fix.at || a.position - b.position);
  }
}

async function check(store: OpenStore, model: Model, pageSize: number): Promise<void> {
  const loaded = new Map((await store.load(DRIVERS)).map((one) => [one.id, one]));
  for (const id of DRIVERS) {
    expect((await history(store, id, pageSize)).map(asStored)).toEqual(model.history(id).map(asStored));
    const whole = model.wholeAt.get(id);
    expect(loaded.get(id)?.snapshot?.position).toBe(whole);
    const after = model.rows.filter((one) => one.driverId === id && one.position > (whole ?? 0));
    expect(loaded.get(id)?.rows.map(({ position }) => position) ?? []).toEqual(after.map(({ position }) => position));
  }
}

export function storeAgainstModel(name: string, make: () => StorePlace): void {
  describe(`${name} against a naive model`, () => {
    it('random commits, compaction at random, opened again at random: the same [A6, F9, F10, F12]', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 20, size: 'max' }), async (steps) => {
          const place = make();
          let store = await place.open();
          const model = new Model();
          let filled = 0;
          try {
            for (const one of steps) {
              if (one.kind === 'commit') {
                const from = model.position;
                const { rows, duplicates } = model.commit(one.rows);
                const snapshots = one.whole.map((index) => driverAt(DRIVERS[index] ?? '', model.position));
                for (const { id } of snapshots) model.wholeAt.set(id, model.position);
                const cursors = model.position > from ? [{ partition: 9, from, to: model.position }] : [];
                expect((await store.commit(commitOf({ rows, snapshots, cursors }))).duplicates).toEqual(duplicates);
              } else if (one.kind === 'compact') {
                // Not waited for: what comes next happens in the midst of it.
                const rows = Array.from({ length: place.enough }, () => row(++filled, filled, { driverId: 'filler' }));
                const snapshots = DRIVERS.filter((id) => one.every || model.wholeAt.has(id)).map((id) => driverAt(id, model.position));
                for (const { id } of snapshots) model.wholeAt.set(id, model.position);
                await store.commit(commitOf({ rows, snapshots: [...snapshots, driverAt('filler', filled)] }));
              } else if (one.kind === 'reopen') {
                await store.close();
                store = await place.open();
                expect((await resumed(store)).cursors[9]).toBe(model.position);
              } else {
                await check(store, model, one.pageSize);
              }
            }
            await check(store, model, 4);
          } finally {
            await store.close();
            await place.remove();
          }
        }),
        { numRuns: 6, endOnFailure: true },
      );
    });
  });
}
