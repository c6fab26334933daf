import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { openSqliteStore, type SqliteStore } from '../adapters/sqlite-store/store.ts';
import type { Driver } from '../core/driver.ts';
import { Commits } from './commits.ts';
import { ManualClock } from './contracts/manual-clock.ts';
import { driverAt, history, row } from './contracts/samples.ts';
import { partitionOf } from './partition.ts';
import { type Given, HeldStore } from './testing/held-store.ts';

/** As in commits.ts: so much makes a commit large. */
const MOST_ROWS = 5_000;
const MOST_DRIVERS = 1_000;
/** A command brings this many fixes at most [L3]. */
const A_COMMAND = 1_000;
const SOON = { timeout: 20_000, interval: 1 };

const nothing = (): void => undefined;
const ends: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
});

/** Commits to a real store, and one owner's drivers, each in a partition of its own. */
async function scene(): Promise<Scene> {
  const dataDir = mkdtempSync(join(tmpdir(), 'waycast-commits-'));
  const real = await openSqliteStore({ dataDir });
  const store = new HeldStore(real);
  const failed: unknown[] = [];
  const commits = new Commits({
    store,
    clock: new ManualClock(),
    residents: { storedWhole: nothing },
    post: { accepted: nothing, stored: nothing, answer: nothing },
    meter: { taken: nothing, accepted: nothing, delivered: nothing, stored: nothing, refused: nothing },
    stored: nothing,
    failed: (_, error) => failed.push(error),
  });
  ends.push(async () => {
    store.letGo();
    commits.close();
    await real.close();
    rmSync(dataDir, { recursive: true });
  });
  return new Scene(commits, store, real, failed);
}

class Scene {
  readonly commits: Commits;
  readonly store: HeldStore;
  readonly real: SqliteStore;
  readonly failed: unknown[];
  readonly drivers: readonly Driver[] = ['a', 'b', 'c'].map((id) => driverAt(id, 0));
  /** How many fixes of each were applied. */
  readonly applied = new Map<string, number>();

  constructor(commits: Commits, store: HeldStore, real: SqliteStore, failed: unknown[]) {
    this.commits = commits;
    this.store = store;
    this.real = real;
    this.failed = failed;
  }

  /** What an engine does with a command of so many fixes; `whole`: it changed more than the position. */
  apply(driver: Driver, fixes: number, whole = false): void {
    const { pending } = this.commits;
    const position = ++driver.position;
    const before = this.applied.get(driver.id) ?? 0;
    for (let n = 0; n < fixes; n++) pending.effects.rows.push(row(position, before + n, { driverId: driver.id }));
    this.applied.set(driver.id, before + fixes);
    if (whole) pending.effects.changed.add(driver);
    pending.reached.set(partitionOf(driver.id), position);
    if (this.commits.isFull) this.commits.cut();
    this.commits.schedule();
  }

  /** Waits until so many commits were given to the store. */
  async given(count: number): Promise<void> {
    await vi.waitFor(() => expect(this.store.given.length).toBeGreaterThanOrEqual(count), SOON);
  }

  /** Both commits that may be under way are, and the store does not answer. */
  async stalled(): Promise<void> {
    const [driver] = this.drivers as [Driver];
    this.store.hold();
    for (let count = 1; count <= 2; count++) {
      this.apply(driver, 1);
      await this.given(count);
    }
  }
}

/** Whether it has ended, once everything that was ready had its turn. */
async function isDone(promise: Promise<unknown>): Promise<boolean> {
  let done = false;
  void promise.then(() => {
    done = true;
  });
  for (let n = 0; n < 20; n++) await turn();
  return done;
}

/** A commit moves each cursor from where the one before left it, exactly over the rows it carries, and no driver stands beyond it. */
function checkOrder(given: readonly Given[], drivers: readonly Driver[]): void {
  const reached = new Map<string, number>();
  for (const { cursors, rows, whole } of given) {
    for (const { id } of drivers) {
      const from = reached.get(id) ?? 0;
      const cursor = cursors.find(({ partition }) => partition === partitionOf(id));
      const to = cursor?.to ?? from;
      if (cursor !== undefined) expect(cursor.from).toBe(from);
      const carried = [...new Set(rows.filter(({ driverId }) => driverId === id).map(({ position }) => position))];
      expect(carried).toEqual(Array.from({ length: to - from }, (_, n) => from + 1 + n));
      if (whole.has(id)) expect([cursor !== undefined, whole.get(id)]).toEqual([true, to]);
      reached.set(id, to);
    }
  }
  for (const { id, position } of drivers) expect(reached.get(id) ?? 0).toBe(position);
}

describe('while the store does not answer', () => {
  it('what gathers goes in commits of a bounded size, whatever comes, each with its own cursors [A7, P2]', async () => {
    const step = fc.oneof(
      { weight: 6, arbitrary: fc.record({ driver: fc.nat(2), fixes: fc.integer({ min: 1, max: A_COMMAND }), whole: fc.boolean() }) },
      { weight: 1, arbitrary: fc.record({ driver: fc.nat(2), fixes: fc.constant(0), whole: fc.constant(true) }) },
      { weight: 1, arbitrary: fc.constantFrom('answer' as const, 'hold' as const) },
    );
    let largest = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 60, size: 'max' }), async (steps) => {
        const one = await scene();
        one.store.hold();
        for (const each of steps) {
          if (each === 'answer') one.store.letGo();
          else if (each === 'hold') one.store.hold();
          else if (each.fixes === 0) one.commits.storeWhole(one.drivers[each.driver] as Driver);
          else one.apply(one.drivers[each.driver] as Driver, each.fixes, each.whole);
          await turn();
        }
        one.store.letGo();
        await one.commits.settled();
        expect(one.failed).toEqual([]);
        checkOrder(one.store.given, one.drivers);
        largest = Math.max(largest, ...one.store.given.map(({ rows }) => rows.length));
        for (const { id } of one.drivers) expect(await history(one.real, id, 50_000)).toHaveLength(one.applied.get(id) ?? 0);
        for (const end of ends.splice(0)) await end();
      }),
      { numRuns: 12 },
    );
    expect(largest).toBeGreaterThanOrEqual(MOST_ROWS);
    expect(largest).toBeLessThan(MOST_ROWS + A_COMMAND);
  });

  it('drivers to be stored whole are so a thousand at a time, and all of them before it is settled', async () => {
    const one = await scene();
    const crowd = Array.from({ length: 2 * MOST_DRIVERS + 500 }, (_, n) => driverAt(`crowd-${n}`, 0));
    for (const driver of crowd) one.commits.storeWhole(driver);
    await one.commits.settled();
    expect(one.store.given.map(({ whole }) => whole.size)).toEqual([MOST_DRIVERS, MOST_DRIVERS, 500]);
    expect(await one.real.load(crowd.map(({ id }) => id))).toHaveLength(crowd.length);
  });
});

describe('settled', () => {
  it('waits for what is gathered, also when that becomes too much and goes at once', async () => {
    const one = await scene();
    const [, b, c] = one.drivers as [Driver, Driver, Driver];
    await one.stalled();
    one.apply(b, 1);
    const settled = one.commits.settled();
    const { pending } = one.commits;
    one.apply(c, MOST_ROWS - 1);
    // What was waited for went with this one, and is not heard of yet.
    expect(one.commits.pending).not.toBe(pending);
    expect(await isDone(settled)).toBe(false);
    one.store.letGo();
    await settled;
    expect(await history(one.real, 'b', 10)).toHaveLength(1);
  });

  it('is not taken in by a batch that goes by itself before what is gathered', async () => {
    const one = await scene();
    const [, b, c] = one.drivers as [Driver, Driver, Driver];
    await one.stalled();
    one.apply(b, 1);
    let isGiven = false;
    const settled = one.commits.settled().then(() => {
      isGiven = one.store.given.some(({ rows }) => rows.some(({ driverId }) => driverId === 'b'));
    });
    const alone = {
      ...one.commits.pending,
      effects: { ...one.commits.pending.effects, rows: [], changed: new Set([c]) },
      reached: new Map(),
    };
    one.commits.alone(alone);
    one.store.letGo();
    await settled;
    expect(isGiven).toBe(true);
  });

  it('is at once when there is nothing, and when what is gathered is dropped there is nothing more to wait for', async () => {
    const one = await scene();
    await one.commits.settled();
    await one.stalled();
    const [a, b] = one.drivers as [Driver, Driver];
    one.apply(b, 1);
    const settled = one.commits.settled();
    expect([...one.commits.discard()]).toEqual([partitionOf('b')]);
    // Of what is with the store already it is not known yet.
    expect(await isDone(settled)).toBe(false);
    one.store.letGo();
    await settled;
    expect(await history(one.real, 'b', 10)).toEqual([]);
    expect(await history(one.real, 'a', 10)).toHaveLength(a.position);
  });

  it('ends also when a commit is refused, and the one after it is heard of', async () => {
    const one = await scene();
    const [a, b] = one.drivers as [Driver, Driver];
    one.store.refusal = ({ rows }) => (rows.some(({ driverId }) => driverId === 'a') ? new Error('never') : undefined);
    one.apply(a, 1);
    await one.commits.settled();
    expect(one.failed).toEqual([new Error('never')]);
    one.apply(b, 1);
    await one.commits.settled();
    expect(one.failed).toHaveLength(1);
    expect(await history(one.real, 'b', 10)).toHaveLength(1);
  });
});
