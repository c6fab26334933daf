import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { WaycastError } from '@waycast/protocol';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';
import { MemoryPresence } from '../adapters/memory-presence.ts';
import { openSqliteStore, type SqliteStore } from '../adapters/sqlite-store/store.ts';
import type { Attendance } from './attendance.ts';
import type { ManualClock } from './contracts/manual-clock.ts';
import type { Hub } from './hub.ts';
import { hubInMemory } from './testing/hub-in-memory.ts';

const SOON = { timeout: 20_000, interval: 5 };

/** Rooms of which some cannot be asked, as when they lie on a node that is away. */
class PartlyAway extends MemoryPresence {
  readonly away = new Set<string>();

  override async enter(room: string, member: string, limit: number): Promise<number | null> {
    if (this.away.has(room)) throw new WaycastError('storage_unavailable', 'who is connected cannot be told now');
    return await super.enter(room, member, limit);
  }
}

let dataDir: string;
let store: SqliteStore;
let hub: Hub;
let clock: ManualClock;
let attendance: Attendance;
let presence: PartlyAway;
beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'waycast-attendance-'));
  store = await openSqliteStore({ dataDir });
  presence = new PartlyAway();
  ({ hub, clock } = await hubInMemory(store, { presence, home: 1 }));
  ({ attendance } = hub);
});
afterEach(async () => {
  await hub.close();
  await store.close();
  rmSync(dataDir, { recursive: true });
});

/** What somebody who follows the room hears. */
function counts(room: string): number[] {
  const heard: number[] = [];
  attendance.follow(room, {
    deliver: (delivery) => {
      if (delivery.type === 'attendance') heard.push(delivery.count);
    },
  });
  return heard;
}

function arrive(...rooms: { name: string; limit: number }[]) {
  return attendance.arrive({ subject: 'd', role: 'driver', surface: 'stream', kind: 'WEBSOCKET', rooms });
}

it.each([
  ['is full', 'too_many_connections'],
  ['cannot be asked', 'storage_unavailable'],
])('who is not let in because one room %s counts in none [L4, P8]', async (_, code) => {
  const heard = counts('a');
  if (code === 'storage_unavailable') presence.away.add('b');
  await expect(arrive({ name: 'a', limit: 3 }, { name: 'b', limit: 0 })).rejects.toMatchObject({ code });
  expect([await presence.count('a'), await presence.count('b')]).toEqual([0, 0]);
  expect(heard).toEqual([1, 0]);
  expect((await attendance.sessions({}, 10, null)).items).toEqual([]);
});

it('who goes without a word is missed, though nobody has counted since the room is followed [P8]', async () => {
  await presence.enter('a', 'of a process that dies', 3);
  await presence.enter('a', 'of another one', 3);
  const heard = counts('a');
  await presence.leave('a', 'of a process that dies');
  clock.pass(3_000);
  await vi.waitFor(() => expect(heard).toEqual([1]), SOON);
  await presence.leave('a', 'of another one');
  clock.pass(3_000);
  await vi.waitFor(() => expect(heard).toEqual([1, 0]), SOON);
});
