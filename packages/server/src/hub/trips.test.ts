import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openSqliteStore, type SqliteStore } from '../adapters/sqlite-store/store.ts';
import type { Hub } from './hub.ts';
import type { Principal } from './principal.ts';
import { hubInMemory } from './testing/hub-in-memory.ts';

const ADMIN: Principal = { sub: 'admin', role: 'admin', trips: undefined, drivers: undefined, labels: undefined, expiresAt: null };
const STOP = { type: 'pickup' as const, lat: 44.5, lng: 11.3 };

let dataDir: string;
let store: SqliteStore;
let hub: Hub;
beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'waycast-trips-'));
  store = await openSqliteStore({ dataDir });
  ({ hub } = await hubInMemory(store));
});
afterEach(async () => {
  await hub.close();
  await store.close();
  rmSync(dataDir, { recursive: true });
});

async function create(driverId: string | null): Promise<void> {
  await hub.trips.create(ADMIN, { id: 't', kind: 'ride', driverId, stops: [STOP] }, 'test', undefined);
  if (driverId !== null) await vi.waitFor(async () => expect((await hub.trips.find(ADMIN, 't')).active).not.toBeNull());
}

describe('two stops of one id are refused, for their events would hide each other [G8]', () => {
  const twice = [
    { ...STOP, id: 'A' },
    { ...STOP, id: 'A' },
  ];
  const refused = { code: 'bad_request', field: '/stops/1/id' };

  it('when a trip is created', async () => {
    await expect(hub.trips.create(ADMIN, { kind: 'ride', stops: twice }, 'test', undefined)).rejects.toMatchObject(refused);
  });

  it.each([
    ['nobody', null],
    ['a driver', 'd'],
  ] as const)('when a trip of %s is changed', async (_, driverId) => {
    await create(driverId);
    await expect(hub.trips.patch(ADMIN, 't', { stops: twice }, 'test')).rejects.toMatchObject(refused);
    expect((await hub.trips.find(ADMIN, 't')).trip.stops).toHaveLength(1);
  });

  it('when a trip is changed and given away at once', async () => {
    await create('d');
    await expect(hub.trips.patch(ADMIN, 't', { stops: twice, driverId: 'e' }, 'test')).rejects.toMatchObject(refused);
  });
});
