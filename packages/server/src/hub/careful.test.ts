import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { MemoryBus } from '../adapters/memory-bus.ts';
import { MemoryHot } from '../adapters/memory-hot.ts';
import { openSqliteStore } from '../adapters/sqlite-store/store.ts';
import { Careful } from './careful.ts';
import { Commits } from './commits.ts';
import { ManualClock } from './contracts/manual-clock.ts';
import { T0 } from './contracts/samples.ts';
import { Fleet } from './fleet.ts';
import { NearbyDrivers } from './nearby.ts';
import { partitionOf } from './partition.ts';
import type { LogEntry } from './ports.ts';
import { Residents } from './residents.ts';
import type { StoredDriver } from './storage-ports.ts';
import { HeldStore } from './testing/held-store.ts';

/** Of the partition of `d`. */
const NEIGHBOUR = Array.from({ length: 10_000 }, (_, n) => `n${n}`).find((id) => partitionOf(id) === partitionOf('d')) ?? '';
const PARTITION = partitionOf('d');
const DAMAGE_LASTS_MS = 60_000;

const nothing = (): void => undefined;

/** A millisecond passes whenever somebody looks at it. */
class RunningClock extends ManualClock {
  runs = false;

  override now(): number {
    const now = super.now();
    if (this.runs) this.set(now + 1);
    return now;
  }
}

/** Knows `d`, and cannot read it. */
class DamagedStore extends HeldStore {
  override async load(ids: readonly string[]): Promise<readonly StoredDriver[]> {
    return ids.includes('d') ? [{ id: 'd', snapshot: null, rows: [], damage: 'unreadable' }] : [];
  }
}

async function scene() {
  const dataDir = mkdtempSync(join(tmpdir(), 'waycast-careful-'));
  const real = await openSqliteStore({ dataDir });
  const store = new DamagedStore(real);
  const clock = new RunningClock(T0);
  const fleet = new Fleet({
    home: 0,
    bus: new MemoryBus(),
    clock,
    nearby: new NearbyDrivers(clock),
    stored: async () => [],
    warn: nothing,
  });
  const hot = new MemoryHot(clock);
  const residents = new Residents({
    ...{ store, hot, clock, fleet, error: nothing },
    rules: { maxPlausibleSpeedKmh: 0, deliveriesMayJump: false },
    newEpoch: () => 'e',
    tenure: () => 1,
    share: () => 1,
  });
  const commits = new Commits({
    ...{ store, clock, residents, stored: nothing, failed: nothing },
    post: { accepted: nothing, stored: nothing, answer: nothing },
    meter: { taken: nothing, accepted: nothing, delivered: nothing, stored: nothing, refused: nothing },
  });
  const broken = vi.fn<(partition: number, error: unknown) => void>();
  const rests: number[] = [];
  const careful = new Careful({
    ...{ store, commits, residents, broken, goOn: nothing, tell: nothing, error: nothing },
    apply: (_, { partition, position }, batch) => void batch.reached.set(partition, position),
    now: () => clock.now(),
    pause: async (ms) => void rests.push(ms),
  });
  onTestFinished(async () => {
    commits.close();
    fleet.close();
    hot.close();
    await real.close();
    rmSync(dataDir, { recursive: true });
  });
  const [taken] = await store.take([PARTITION]);
  commits.startAt(PARTITION, taken?.position ?? 0);
  return { careful, commits, residents, store, clock, broken, rests };
}

function entry(position: number, driverId: string): LogEntry {
  const command = { kind: 'availability', driverId, receivedAt: T0, reply: 0, available: true } as const;
  return { partition: PARTITION, position, command, appendedAt: 0 };
}

it('no command is passed over when a driver may be tried again just then [P6]', async () => {
  const { careful, residents, store, clock, broken } = await scene();
  await residents.load(['d']);
  expect(residents.damage('d')).toBe('unreadable');
  careful.enter(PARTITION);
  clock.set(T0 + DAMAGE_LASTS_MS - 1);
  clock.runs = true;
  careful.take(entry(1, 'd'));
  careful.take(entry(2, NEIGHBOUR));
  await vi.waitFor(() => expect(careful.isIdle()).toBe(true), { timeout: 20_000, interval: 1 });
  expect(broken.mock.calls).toEqual([]);
  expect(store.given.map(({ cursors }) => cursors)).toEqual([
    [{ partition: PARTITION, from: 0, to: 1 }],
    [{ partition: PARTITION, from: 1, to: 2 }],
  ]);
});

it('what can be neither stored nor set aside is tried ever more slowly, and its neighbours after it [P6]', async () => {
  const { careful, commits, store, rests } = await scene();
  const went: number[] = [];
  store.refusal = ({ cursors }) => (cursors[0]?.to === 1 ? new Error('it does not fit') : undefined);
  for (let n = 0; n < 18; n++) {
    commits.startAt(PARTITION, 0);
    careful.enter(PARTITION);
    careful.take(entry(1, NEIGHBOUR));
    await vi.waitFor(() => expect(careful.isIdle()).toBe(true), { timeout: 20_000, interval: 1 });
    went.push(rests.length);
  }
  expect(went.slice(0, 12)).toEqual([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
  expect(rests).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
});
