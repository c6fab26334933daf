import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setImmediate as turn } from 'node:timers/promises';
import { WaycastError } from '@waycast/protocol';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { MemoryHot } from '../adapters/memory-hot.ts';
import { MemoryOwnership } from '../adapters/memory-ownership.ts';
import { openSqliteStore, type SqliteStore } from '../adapters/sqlite-store/store.ts';
import type { Driver } from '../core/driver.ts';
import { ManualClock } from './contracts/manual-clock.ts';
import { history, T0 } from './contracts/samples.ts';
import type { Hub } from './hub.ts';
import { partitionOf } from './partition.ts';
import type { Owner } from './ports.ts';
import type { Principal } from './principal.ts';
import type { Commit } from './storage-ports.ts';
import { HeldStore } from './testing/held-store.ts';
import { hubInMemory } from './testing/hub-in-memory.ts';

const ADMIN: Principal = { sub: 'admin', role: 'admin', trips: undefined, drivers: undefined, labels: undefined, expiresAt: null };
const AWAY = new WaycastError('storage_unavailable', 'the store does not answer; repeat later');
/** Of the partition of `d`. */
const NEIGHBOUR = Array.from({ length: 10_000 }, (_, n) => `n${n}`).find((id) => partitionOf(id) === partitionOf('d')) ?? '';

/** Breaks once, at a driver. */
class BrittleHot extends MemoryHot {
  breaksAt: string | null = null;

  override put(driver: Driver): void {
    if (driver.id === this.breaksAt) {
      this.breaksAt = null;
      throw new Error('broken');
    }
    super.put(driver);
  }
}

/** Tells a test whom it made the owner. */
class KnownOwnership extends MemoryOwnership {
  owner: Owner | undefined;

  override async start(owner: Owner): Promise<void> {
    this.owner = owner;
    await super.start(owner);
  }
}

let dataDir: string;
let real: SqliteStore;
let store: HeldStore;
let hot: BrittleHot;
let ownership: KnownOwnership;
let hub: Hub;
let clock: ManualClock;
let reported: string[];
beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'waycast-failing-'));
  real = await openSqliteStore({ dataDir });
  store = new HeldStore(real);
  reported = [];
  hot = new BrittleHot(new ManualClock());
  ownership = new KnownOwnership();
  ({ hub, clock } = await hubInMemory(real, { store, hot, ownership, error: (message) => void reported.push(message) }));
});
afterEach(async () => {
  store.letGo();
  await hub.close();
  hot.close();
  await real.close();
  rmSync(dataDir, { recursive: true });
});

/** Fixes of a driver, each a second before the one before it. */
function sendFixes(driverId: string, from: number, count = 1) {
  const fixes = Array.from({ length: count }, (_, n) => ({
    lat: 44.5,
    lng: 11.3,
    timestamp: new Date(T0 - (from + n) * 1_000).toISOString(),
  }));
  return hub.ingest.batch(ADMIN, driverId, fixes, false);
}

/** Whether it would store whole what the poison has changed: its name. */
function carries({ snapshots }: Commit, name: string): boolean {
  return [...snapshots].some(({ profile }) => profile.name === name);
}

function reports(): number {
  return reported.filter((line) => line.includes('please report this')).length;
}

function setAside(): { command: { profile: object }; error: string }[] {
  const db = new DatabaseSync(join(dataDir, 'waycast.db'), { readOnly: true });
  try {
    const rows = db.prepare('SELECT command, error FROM set_aside').all() as { command: string; error: string }[];
    return rows.map(({ command, error }) => ({ command: JSON.parse(command) as { profile: object }, error }));
  } finally {
    db.close();
  }
}

it('what was refused once is tried alone and goes through, with all that came with it [P6]', async () => {
  let refusals = 0;
  store.refusal = (commit) => (carries(commit, 'once') && refusals++ === 0 ? new Error('it does not fit') : undefined);
  await Promise.all([hub.drivers.setProfile(ADMIN, 'd', { name: 'once' }), hub.drivers.setProfile(ADMIN, NEIGHBOUR, { name: 'beside' })]);
  expect([(await hub.drivers.find(ADMIN, 'd')).profile.name, (await hub.drivers.find(ADMIN, NEIGHBOUR)).profile.name]).toEqual([
    'once',
    'beside',
  ]);
  expect([reports(), setAside()]).toEqual([1, []]);
});

it('a store that is away while a command is tried says nothing about the command [P6]', async () => {
  store.refusal = (commit) => (carries(commit, 'never') ? new Error('it does not fit') : undefined);
  let asked = 0;
  // Away every other time it is asked.
  store.beforeTry = async () => {
    if (asked++ % 2 === 0) throw AWAY;
  };
  const answers = await Promise.allSettled([
    hub.drivers.setProfile(ADMIN, 'd', { name: 'never' }),
    hub.drivers.setProfile(ADMIN, NEIGHBOUR, { name: 'beside' }),
  ]);
  expect(answers).toMatchObject([{ status: 'rejected', reason: { code: 'internal' } }, { status: 'fulfilled' }]);
  expect((await hub.drivers.find(ADMIN, NEIGHBOUR)).profile.name).toBe('beside');
  expect(setAside()).toEqual([{ command: expect.objectContaining({ profile: { name: 'never' } }), error: 'it does not fit' }]);
  // Once for what was gathered, then for each of five tries.
  expect(reports()).toBe(6);
});

it('what is being tried alone when its partition begins anew for the sake of others is neither lost nor overtaken [P6, A6]', async () => {
  expect(partitionOf('x')).not.toBe(partitionOf('d'));
  await sendFixes('x', 0);
  let refusals = 0;
  store.refusal = ({ rows }) =>
    rows.some(({ driverId }) => driverId === 'd') && refusals++ === 0 ? new Error('it does not fit') : undefined;
  const [trying, going] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  store.beforeTry = () => {
    trying.resolve();
    return going.promise;
  };
  const first = [1, 2, 3].map((n) => sendFixes('d', n));
  await trying.promise;
  hot.breaksAt = 'x';
  const more = [sendFixes('x', 1), sendFixes('d', 4)];
  await vi.waitFor(() => expect(reports()).toBe(2), { timeout: 20_000, interval: 5 });
  going.resolve();
  for (const receipt of await Promise.all([...first, ...more])) expect(receipt).toMatchObject({ accepted: 1, stored: 1, duplicates: 0 });
  expect((await history(real, 'd', 10)).map(({ fix }) => (T0 - fix.at) / 1_000)).toEqual([4, 3, 2, 1]);
  const order = store.given.flatMap(({ rows }) => rows.filter(({ driverId }) => driverId === 'd').map(({ position }) => position));
  expect(order.slice(-4)).toEqual(order.slice(-4).sort((a, b) => a - b));
});

/** Ways in which the partition of `d` has to begin anew for the sake of that of `x`. */
const OTHERS_FAULTS: readonly [string, () => void][] = [
  [
    'breaks',
    () => {
      hot.breaksAt = 'x';
      void sendFixes('x', 1);
    },
  ],
  ['turns out to have another owner', () => ownership.owner?.lose([partitionOf('x')])],
];

it.each(OTHERS_FAULTS)('when a neighbour %s nobody goes on from before a commit that was on its way [P2, A6]', async (_, fault) => {
  await sendFixes('x', 0);
  await hub.drivers.setProfile(ADMIN, 'd', { name: 'before' });
  await sendFixes('d', 9);
  const arrival = Promise.withResolvers<void>();
  store.delay = () => arrival.promise;
  const given = store.given.length;
  const underWay = async (count: number) => {
    await vi.waitFor(() => expect(store.given.length).toBe(given + count), { timeout: 20_000, interval: 1 });
  };
  const changing = hub.drivers.setProfile(ADMIN, 'd', { name: 'after' });
  await underWay(1);
  const sending = [sendFixes('d', 8)];
  await underWay(2);
  // No more are given at once: this is gathered, and dropped by what the neighbour does.
  sending.push(sendFixes('d', 7));
  await turn();
  fault();
  await turn();
  // Somebody looks before the commits have arrived, and so long that everybody in memory is due to be stored whole.
  expect(await hub.drivers.find(ADMIN, 'd')).toMatchObject({ profile: { name: 'before' } });
  for (let passed = 0; passed < 10_000; passed += 50) clock.pass(50);
  arrival.resolve();
  await changing;
  for (const receipt of await Promise.all(sending)) expect(receipt).toMatchObject({ stored: 1, duplicates: 0 });
  expect(await hub.drivers.find(ADMIN, 'd')).toMatchObject({ profile: { name: 'after' } });
  await hub.drivers.setAvailability(ADMIN, 'd', false);
  const [stored] = await real.load(['d']);
  expect(stored?.snapshot).toMatchObject({ profile: { name: 'after' } });
  const order = store.given.flatMap(({ whole }) => whole.get('d') ?? []);
  expect(order).toEqual(order.toSorted((a, b) => a - b));
});

it('what was taken while nothing was heard of the store is stored once, in commits that are not too large [A6, A7]', async () => {
  store.hold();
  const batches = Array.from({ length: 12 }, (_, n) => sendFixes(n % 2 === 0 ? 'd' : 'e', n * 1_000, 1_000));
  await vi.waitFor(() => expect(store.given.reduce((sum, { rows }) => sum + rows.length, 0)).toBeGreaterThan(5_000), {
    timeout: 20_000,
    interval: 5,
  });
  store.letGo();
  for (const receipt of await Promise.all(batches)) expect(receipt).toMatchObject({ accepted: 1_000, stored: 1_000, duplicates: 0 });
  for (const { rows } of store.given) expect(rows.length).toBeLessThan(6_000);
  for (const id of ['d', 'e']) expect(await history(real, id, 50_000)).toHaveLength(6_000);
});
