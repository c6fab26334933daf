import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, it, onTestFinished, vi } from 'vitest';
import { MemoryLog } from '../adapters/memory-log.ts';
import { openSqliteStore } from '../adapters/sqlite-store/store.ts';
import { OFFLINE_MS } from '../core/driver.ts';
import { partitionOf } from './partition.ts';
import type { Principal } from './principal.ts';
import { hubInMemory } from './testing/hub-in-memory.ts';

const ADMIN: Principal = { sub: 'admin', role: 'admin', trips: undefined, drivers: undefined, labels: undefined, expiresAt: null };

const SOON = { timeout: 20_000, interval: 5 };

/** A log in which one partition can be full, as one in Redis can. */
class LogWithFull extends MemoryLog {
  full: number | null = null;

  override problem(partition?: number): string | null {
    return this.full !== null && partition === this.full ? 'full' : super.problem();
  }
}

it('silence means nothing where nothing is taken, and is noticed everywhere else [D2, P5]', async () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'waycast-full-'));
  const store = await openSqliteStore({ dataDir });
  const log = new LogWithFull();
  const { hub, clock } = await hubInMemory(store, { log });
  onTestFinished(async () => {
    await hub.close();
    await store.close();
    rmSync(dataDir, { recursive: true });
  });
  expect(partitionOf('d')).not.toBe(partitionOf('e'));
  for (const id of ['d', 'e']) await hub.drivers.setAvailability(ADMIN, id, true);
  const online = async () => [(await hub.drivers.find(ADMIN, 'd')).online, (await hub.drivers.find(ADMIN, 'e')).online];
  log.full = partitionOf('d');
  expect(hub.ready()).toMatchObject({ ok: true });
  const passes = () => clock.pass(500);
  clock.set(clock.now() + OFFLINE_MS);
  await vi.waitFor(async () => {
    passes();
    expect(await online()).toEqual([true, false]);
  }, SOON);
  log.full = null;
  await vi.waitFor(async () => {
    passes();
    expect(await online()).toEqual([false, false]);
  }, SOON);
});
