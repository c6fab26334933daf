import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { MemoryHot } from '../adapters/memory-hot.ts';
import { openSqliteStore, type SqliteStore } from '../adapters/sqlite-store/store.ts';
import { ManualClock } from './contracts/manual-clock.ts';
import { history } from './contracts/samples.ts';
import type { ErasedReport } from './erasing.ts';
import type { Hub } from './hub.ts';
import type { Principal } from './principal.ts';
import type { Eraser, ErasureWork, StoredDriver } from './storage-ports.ts';
import { HeldStore } from './testing/held-store.ts';
import { type HubInMemory, hubInMemory } from './testing/hub-in-memory.ts';

const ADMIN: Principal = { sub: 'admin', role: 'admin', trips: undefined, drivers: undefined, labels: undefined, expiresAt: null };
const SOON = { timeout: 20_000, interval: 5 };
const HERE = { lat: 44.5, lng: 11.3 };

/** What it reads may come late: as it was when it was read. */
class SlowStore extends HeldStore {
  loading: PromiseWithResolvers<void> | null = null;

  override async load(ids: readonly string[]): Promise<readonly StoredDriver[]> {
    const { loading } = this;
    const found = await super.load(ids);
    await loading?.promise;
    return found;
  }
}

/** Tells what it is asked to remove, and may be unable to. */
class WipedHot extends MemoryHot {
  readonly wiped: string[] = [];
  fails = false;

  override async wipe(id: string): Promise<boolean> {
    if (this.fails) throw new Error('no such Redis');
    this.wiped.push(id);
    return await super.wipe(id);
  }
}

let dataDir: string;
let real: SqliteStore;
let store: SlowStore;
let open: HubInMemory;
let hub: Hub;
let archived: [string, number][];
/** What the archive says, when it can not be had; and until when each driver takes. */
let archiveFails: string | null;
/** Another process is at it. */
let archiveIsTaken: boolean;
let archiveTakes: Map<string, Promise<void>>;
/** Each step in the store: the part of it. */
let steps: string[];
/** What a step of this part waits for. */
let stepTakes: Map<string, Promise<void>>;
let hot: WipedHot;
let reports: ErasedReport[];
let warned: string[];

beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'waycast-erasing-'));
  real = await openSqliteStore({ dataDir });
  store = new SlowStore(real);
  [archived, archiveFails, archiveIsTaken, archiveTakes] = [[], null, false, new Map()];
  [reports, warned, steps, stepTakes] = [[], [], [], new Map()];
  hot = new WipedHot(new ManualClock());
  await start();
});

async function start(): Promise<void> {
  open = await hubInMemory(real, {
    store,
    hot,
    eraser: watched(real.eraser),
    eraseArchived: async (driver, before) => {
      archived.push([driver, before]);
      await archiveTakes.get(driver);
      if (archiveFails !== null) throw new Error(archiveFails);
      return !archiveIsTaken;
    },
    erased: (report) => void reports.push(report),
    warn: (message) => void warned.push(message),
  });
  hub = open.hub;
}

function watched(eraser: Eraser): Eraser {
  const begin = async (): Promise<ErasureWork | null> => {
    const work = await eraser.begin();
    if (work === null) return null;
    const some: ErasureWork['some'] = async (erasure, part, after) => {
      steps.push(part);
      await stepTakes.get(part);
      return await work.some(erasure, part, after);
    };
    return { some, hide: (erasure) => work.hide(erasure), done: (erasure) => work.done(erasure), end: () => work.end() };
  };
  return { pending: () => eraser.pending(), begin };
}

afterEach(async () => {
  store.letGo();
  store.loading?.resolve();
  await hub.close();
  await real.close();
  rmSync(dataDir, { recursive: true });
});

const send = (driver: string, lat = HERE.lat) => hub.ingest.batch(ADMIN, driver, [{ ...HERE, lat }], true);
const around = () =>
  hub.nearby
    .find(ADMIN, { ...HERE, radius: 5_000, limit: 10, statuses: ['ONLINE', 'ON_TRIP'], label: null, maxAgeMs: 60_000 })
    .map(({ row }) => row.driver);
/** Time passes until it holds. */
async function later(check: () => unknown, stepMs = 1_000): Promise<void> {
  await vi.waitFor(async () => {
    open.clock.pass(stepMs);
    await check();
  }, SOON);
}

it('out of the search for the nearest at once, not at the next turn of the fleet [I11]', async () => {
  await send('d');
  await later(() => expect(around()).toEqual(['d']));
  await hub.erasing.erase(ADMIN, 'd');
  expect(around()).toEqual([]);
  expect(hub.drivers.positions(ADMIN).rows).toEqual([]);
});

it('what comes behind it in the same turn is of somebody new, and goes by itself [I11, I14]', async () => {
  await send('d');
  const erased = hub.erasing.erase(ADMIN, 'd');
  const sent = Array.from({ length: 40 }, async (_, turns) => {
    for (let n = 0; n < turns; n++) await undefined;
    return await send('d', 44.6 + turns / 1_000);
  });
  await erased;
  for (const receipt of await Promise.all(sent)) expect(receipt).toMatchObject({ stored: 1 });
  const kept = (await history(real, 'd', 100)).map(({ fix }) => fix.lat);
  expect(kept).not.toContain(HERE.lat);
  expect(kept.at(-1)).toBe(44.639);
  expect(await real.load(['d'])).toMatchObject([{ id: 'd' }]);
});

it('what comes behind it is of somebody new before the store has heard of it [I11, I14]', async () => {
  await send('d');
  await hub.drivers.setProfile(ADMIN, 'd', { name: 'Rhett' });
  const gate = Promise.withResolvers<void>();
  store.delay = ({ erased }) => (erased.length > 0 ? gate.promise : undefined);
  const erased = hub.erasing.erase(ADMIN, 'd');
  await vi.waitFor(() => expect(store.given.length).toBeGreaterThan(2), SOON);
  const sent = send('d', 44.6);
  // Nobody who only looks brings back what the store still has.
  await expect(hub.drivers.find(ADMIN, 'd')).rejects.toMatchObject({ code: 'not_found' });
  gate.resolve();
  await erased;
  expect(await sent).toMatchObject({ stored: 1 });
  expect((await history(real, 'd', 10)).map(({ fix }) => fix.lat)).toEqual([44.6]);
  expect((await hub.drivers.find(ADMIN, 'd')).profile.name).toBeNull();
});

it('whoever looked at it while it was erased does not bring it back [I11]', async () => {
  await send('d');
  await hub.drivers.goOffline(ADMIN, 'd');
  // From here on it is in the store alone.
  await hub.close();
  await start();
  const loads = Promise.withResolvers<void>();
  store.loading = loads;
  const looked = hub.drivers.find(ADMIN, 'd').then(
    () => 'found',
    () => 'not found',
  );
  store.loading = null;
  await hub.erasing.erase(ADMIN, 'd');
  loads.resolve();
  expect(await looked).toBe('not found');
  await expect(hub.drivers.find(ADMIN, 'd')).rejects.toMatchObject({ code: 'not_found' });
  expect(hub.drivers.positions(ADMIN).rows).toEqual([]);
});

it('a commit that the store refuses leaves it as it was; then it is done once more [I13]', async () => {
  await send('d');
  let refusals = 1;
  store.refusal = ({ erased }) => (erased.length > 0 && refusals-- > 0 ? new Error('refused') : undefined);
  await hub.erasing.erase(ADMIN, 'd');
  expect(refusals).toBeLessThan(0);
  await expect(hub.drivers.find(ADMIN, 'd')).rejects.toMatchObject({ code: 'not_found' });
  expect(await history(real, 'd', 10)).toEqual([]);
});

it('waits for an archive that cannot be had, says so once for each reason, and goes on when it can [I15]', async () => {
  archiveFails = 'no such disk';
  await send('d');
  const { at } = await hub.erasing.erase(ADMIN, 'd');
  await vi.waitFor(() => expect(warned).toHaveLength(1), SOON);
  expect(warned).toEqual([expect.stringMatching(/^the archive cannot be rewritten/)]);
  const minutes = async (count: number) => {
    for (let n = 0; n < count * 12; n++) {
      open.clock.pass(5_000);
      const before = archived.length;
      await vi.waitFor(async () => expect(await real.eraser.pending()).toHaveLength(1), SOON);
      await new Promise((resolve) => setImmediate(resolve));
      expect(archived.length - before).toBeLessThan(2);
    }
  };
  await minutes(10);
  // After 10, 20, 40, 80, 160 and 320 s.
  expect(archived.length).toBeLessThan(8);
  expect(archived.length).toBeGreaterThan(2);
  expect(warned).toHaveLength(1);
  archiveFails = 'no right to write';
  await later(() => expect(warned).toHaveLength(2), 60_000);
  archiveFails = null;
  await later(() => expect(reports).toHaveLength(1), 60_000);
  expect(archived.every(([driver, before]) => driver === 'd' && before === at)).toBe(true);
  expect(await real.eraser.pending()).toEqual([]);
  await expect(hub.erasing.erase(ADMIN, 'd')).rejects.toMatchObject({ code: 'not_found' });
});

it('waits while another process is at the archive, and nobody is told for hours [I15]', async () => {
  archiveIsTaken = true;
  await send('d');
  await hub.erasing.erase(ADMIN, 'd');
  await later(() => expect(archived.length).toBeGreaterThan(2), 60_000);
  expect(await real.eraser.pending()).toHaveLength(1);
  expect(warned).toEqual([]);
  await later(() => expect(warned).toEqual([expect.stringMatching(/^the archive cannot be rewritten/)]), 600_000);
  archiveIsTaken = false;
  await later(() => expect(reports).toHaveLength(1), 60_000);
  expect(warned).toHaveLength(1);
});

it('is hidden at once while another is taken out of the archive, which takes for ever [I10, I13]', async () => {
  const gate = Promise.withResolvers<void>();
  archiveTakes.set('d', gate.promise);
  await send('d');
  await send('e');
  await hub.erasing.erase(ADMIN, 'd');
  await vi.waitFor(() => expect(archived).toHaveLength(1), SOON);
  const began = performance.now();
  expect(await hub.erasing.erase(ADMIN, 'e')).toMatchObject({ driver: 'e', hidden: true });
  expect(performance.now() - began).toBeLessThan(10_000);
  // One at a time.
  for (let n = 0; n < 5; n++) open.clock.pass(5_000);
  expect(archived.map(([driver]) => driver)).toEqual(['d']);
  gate.resolve();
  await later(() => expect(reports).toHaveLength(2));
  expect(archived.map(([driver]) => driver)).toEqual(['d', 'e']);
});

it('comes before the next step of what nobody waits for [I13]', async () => {
  const gate = Promise.withResolvers<void>();
  stepTakes.set('fixes', gate.promise);
  await send('d');
  await send('e');
  await hub.erasing.erase(ADMIN, 'd');
  await vi.waitFor(() => expect(steps.at(-1)).toBe('fixes'), SOON);
  const erased = hub.erasing.erase(ADMIN, 'e');
  await vi.waitFor(async () => expect(await real.eraser.pending()).toHaveLength(2), SOON);
  steps.length = 0;
  gate.resolve();
  await erased;
  expect(steps[0]).toBe('messages');
  await later(() => expect(reports).toHaveLength(2));
});

it('removes what is in Redis before it answers and before it is done, and waits where that cannot be done [I11]', async () => {
  await send('d');
  hot.fails = true;
  let isAnswered = false;
  const erased = hub.erasing.erase(ADMIN, 'd').then(() => {
    isAnswered = true;
  });
  await vi.waitFor(() => expect(warned).not.toEqual([]), SOON);
  expect(isAnswered).toBe(false);
  hot.fails = false;
  await erased;
  expect(hot.wiped).toEqual(['d']);
  await vi.waitFor(() => expect(archived).toHaveLength(1), SOON);
  hot.fails = true;
  const before = warned.length;
  await later(() => expect(warned.length).toBeGreaterThan(before));
  expect(await real.eraser.pending()).toHaveLength(1);
  hot.fails = false;
  await later(() => expect(reports).toHaveLength(1));
  expect(hot.wiped).toEqual(['d', 'd']);
});

it('the second time it is looked through is not before what was on its way must have come [I13]', async () => {
  await send('d');
  await hub.erasing.erase(ADMIN, 'd');
  await vi.waitFor(async () => expect(archived).toHaveLength(1), SOON);
  open.clock.pass(5_000);
  const session = { id: 's', subject: 'd', role: 'driver', surface: 'stream', kind: 'WEBSOCKET', about: null } as const;
  const since = open.clock.now() - 60_000;
  await real.recordSessions([{ ...session, since, last: since, until: since + 1 }]);
  expect(reports).toEqual([]);
  await later(() => expect(reports).toHaveLength(1));
  expect(reports).toMatchObject([{ sessions: 1 }]);
  expect((await real.sessions({}, 10, null)).items).toEqual([]);
});

it('a trip that somebody else has open is waited for: its end lets the erasure end [I12]', async () => {
  await send('d');
  const { trip } = await hub.trips.create(ADMIN, { kind: 'ride', driverId: 'd', stops: [{ type: 'pickup', ...HERE }] }, 'rest', undefined);
  await vi.waitFor(async () => expect((await hub.drivers.find(ADMIN, 'd')).trips).toHaveLength(1), SOON);
  await hub.trips.patch(ADMIN, trip.id, { driverId: 'e' }, 'rest');
  await vi.waitFor(async () => expect((await hub.drivers.find(ADMIN, 'd')).trips).toEqual([]), SOON);
  await hub.erasing.erase(ADMIN, 'd');
  expect(JSON.stringify(await real.events(trip.id))).not.toContain('"d"');
  await vi.waitFor(() => expect(archived).toHaveLength(1), SOON);
  await later(() => expect(steps.filter((part) => part === 'streams')).toHaveLength(2));
  // All was looked through; from here on what is held alone.
  await vi.waitFor(async () => {
    const before = steps.length;
    await new Promise((resolve) => setImmediate(resolve));
    expect(steps).toHaveLength(before);
  }, SOON);
  steps.length = 0;
  for (let n = 0; n < 120; n++) {
    open.clock.pass(5_000);
    for (let turn = 0; turn < 5; turn++) await real.eraser.pending();
  }
  expect(await real.eraser.pending()).toHaveLength(1);
  expect(new Set(steps)).toEqual(new Set(['trips']));
  // After 5, 10, 20, 40, 80, 160 and 300 s, in two steps each.
  expect(steps.length).toBeLessThanOrEqual(2 * 7);
  expect(steps.length).toBeGreaterThanOrEqual(2 * 3);
  await hub.trips.status(ADMIN, trip.id, { status: 'CANCELLED' }, 'rest');
  await later(() => expect(reports).toHaveLength(1), 30_000);
  expect(await real.trip(trip.id)).toMatchObject({ driverId: 'e', assignments: [{ driverId: 'e' }] });
});
