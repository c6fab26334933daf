import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openSqliteStore, type SqliteStore } from '../adapters/sqlite-store/store.ts';
import type { Hub } from './hub.ts';
import { partitionOf } from './partition.ts';
import type { Principal } from './principal.ts';
import { type HubInMemory, hubInMemory } from './testing/hub-in-memory.ts';

const ADMIN: Principal = { sub: 'admin', role: 'admin', trips: undefined, drivers: undefined, labels: undefined, expiresAt: null };
const DAY_MS = 24 * 3_600_000;
const SOON = { timeout: 20_000, interval: 5 };

let dataDir: string;
let store: SqliteStore;
let open: HubInMemory;
beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'waycast-restart-'));
  await start();
});
afterEach(async () => {
  await stop();
  rmSync(dataDir, { recursive: true });
});

async function start(): Promise<Hub> {
  store = await openSqliteStore({ dataDir });
  open = await hubInMemory(store);
  return open.hub;
}

async function stop(): Promise<void> {
  await open.hub.close();
  await store.close();
}

/** What a person finds, or does, in the database file. */
function inFile<T>(work: (db: DatabaseSync) => T): T {
  const db = new DatabaseSync(join(dataDir, 'waycast.db'));
  try {
    return work(db);
  } finally {
    db.close();
  }
}

it('a trip of a driver who was offline ends in time, though nobody touches it after the restart [T10]', async () => {
  const { id } = await open.hub.sessions.start(ADMIN, { orderId: 'o', riderId: 'd', dropoff: { lat: 44.5, lng: 11.3 }, phone: null });
  await vi.waitFor(async () => expect((await open.hub.trips.find(ADMIN, id)).active).not.toBeNull(), SOON);
  await stop();
  await start();
  const { clock } = open;
  clock.set(clock.now() + DAY_MS);
  await vi.waitFor(async () => {
    clock.pass(50);
    expect(await store.trip(id)).toMatchObject({ status: 'CANCELLED' });
  }, SOON);
  expect((await store.events(id)).at(-1)).toMatchObject({ kind: 'status', by: { via: 'expiry' } });
});

describe('a driver who cannot be made of what is stored of it [P6]', () => {
  /** Another one of the same partition. */
  const neighbour = Array.from({ length: 10_000 }, (_, n) => `n${n}`).find((id) => partitionOf(id) === partitionOf('d')) ?? '';
  const damages = [
    '{}',
    'null',
    '{"position":',
    '{"position":1,"judgement":{"last":null,"row":[]},"streams":[],"profile":{},"trips":[{}]}',
  ];

  /** Both are known, and `d` is damaged while nobody serves. */
  async function damaged(state: string): Promise<Hub> {
    for (const id of ['d', neighbour]) await open.hub.drivers.setAvailability(ADMIN, id, true);
    await stop();
    const { changes } = inFile((db) =>
      db.prepare(`UPDATE snapshot SET state = ? WHERE driver = (SELECT id FROM driver WHERE name = 'd')`).run(state),
    );
    expect(changes).toBe(1);
    return await start();
  }

  it.each(damages)('keeps nobody else out: %s', async (state) => {
    const hub = await damaged(state);
    const commands = [1, 2, 3].flatMap((n) => ['d', neighbour].map((id) => ({ id, n })));
    const answers = await Promise.allSettled(commands.map(({ id, n }) => hub.drivers.setProfile(ADMIN, id, { name: `name ${n}` })));
    for (const [index, { id }] of commands.entries())
      expect(answers[index]).toMatchObject(id === 'd' ? { status: 'rejected', reason: { code: 'internal' } } : { status: 'fulfilled' });
    expect((await hub.drivers.find(ADMIN, neighbour)).profile.name).toBe('name 3');
    const fixes = [1, 2].map((n) => ({ lat: 44.5, lng: 11.3, timestamp: new Date(open.clock.now() - n * 1_000).toISOString() }));
    expect(await hub.ingest.batch(ADMIN, neighbour, fixes, false)).toMatchObject({ accepted: 2, stored: 2 });
    await stop();
    const aside = inFile((db) => db.prepare('SELECT partition, command, error FROM set_aside ORDER BY position').all());
    expect(aside.map(({ command }) => JSON.parse(command as string) as object)).toEqual(
      [1, 2, 3].map((n) => expect.objectContaining({ kind: 'profile', driverId: 'd', profile: { name: `name ${n}` } })),
    );
    expect(new Set(aside.map(({ partition }) => partition))).toEqual(new Set([partitionOf('d')]));
    for (const { error } of aside) expect(error).not.toBe('');
    const kept = inFile((db) => db.prepare(`SELECT state FROM snapshot JOIN driver ON id = driver WHERE name = 'd'`).get());
    expect(kept).toEqual({ state });
    await start();
  });

  it('has its commands applied again within a minute of being mended', async () => {
    const hub = await damaged('{}');
    const setName = (name: string) => hub.drivers.setProfile(ADMIN, 'd', { name });
    await expect(setName('before')).rejects.toMatchObject({ code: 'internal' });
    inFile((db) =>
      db.exec(`UPDATE snapshot SET state = (SELECT o.state FROM snapshot o WHERE o.driver <> snapshot.driver LIMIT 1)
      WHERE driver = (SELECT id FROM driver WHERE name = 'd')`),
    );
    await expect(setName('too soon')).rejects.toMatchObject({ code: 'internal' });
    open.clock.set(open.clock.now() + 60_000);
    await setName('after');
    expect((await hub.drivers.find(ADMIN, 'd')).profile.name).toBe('after');
  });
});
