import { describe, expect, it } from 'vitest';
import { MemoryBus } from '../adapters/memory-bus.ts';
import { type Driver, newDriver } from '../core/driver.ts';
import { ManualClock } from './contracts/manual-clock.ts';
import type { Delivery, FleetFrame, FleetRow } from './delivery.ts';
import { Fleet } from './fleet.ts';
import { fleetRowOf } from './fleet-row.ts';
import { NearbyDrivers, type NearbySearch } from './nearby.ts';
import type { Principal } from './principal.ts';

const STAFF: Principal = { sub: 'd', role: 'dispatcher', trips: undefined, drivers: undefined, labels: undefined, expiresAt: null };
const HERE = { lat: 10, lng: 20 };

function fleet(stored: () => readonly FleetRow[] = () => []) {
  const clock = new ManualClock();
  const bus = new MemoryBus();
  const frames: FleetFrame[] = [];
  bus.listen((delivery: Delivery) => {
    if (delivery.type === 'fleet') frames.push(delivery);
  });
  bus.join('fleet');
  const nearby = new NearbyDrivers(clock);
  const gathered = new Fleet({ home: 0, bus, clock, nearby, stored: async () => stored(), warn: () => undefined });
  const driver = (id: string, lng = HERE.lng): Driver => {
    const now = clock.now();
    const one = newDriver(id, 'e');
    one.online = true;
    one.lastSeenAt = now;
    one.latest = { lat: HERE.lat, lng, at: now, speed: null, bearing: null, accuracy: null, altitude: null };
    gathered.moved(one);
    return one;
  };
  const find = (more: Partial<NearbySearch> = {}, who = STAFF) =>
    nearby
      .find(who, { ...HERE, radius: 5_000, limit: 100, statuses: ['ONLINE'], label: null, maxAgeMs: 120_000, ...more })
      .map(({ row }) => row.driver);
  return { clock, frames, gathered, driver, find };
}

describe('drivers nearby', () => {
  it('are there within a second, and no longer once they are offline [N2 N3]', () => {
    const { clock, gathered, driver, find } = fleet();
    const one = driver('a');
    driver('b', HERE.lng + 0.001);
    expect(find()).toEqual([]);
    clock.pass(1_000);
    expect(find()).toEqual(['a', 'b']);
    one.online = false;
    gathered.moved(one);
    clock.pass(1_000);
    expect(find()).toEqual(['b']);
    driver('c');
    clock.pass(1_000);
    expect(find()).toEqual(['c', 'b']);
  });

  it('were heard of within maxAge, to the millisecond [N4]', () => {
    const { clock, driver, find } = fleet();
    driver('a');
    clock.pass(5_000);
    expect(find({ maxAgeMs: 5_000 })).toEqual(['a']);
    expect(find({ maxAgeMs: 4_999 })).toEqual([]);
  });

  it('that are stale are not for passengers [N5]', () => {
    const { clock, driver, find } = fleet();
    driver('a').stale = true;
    driver('b');
    clock.pass(1_000);
    expect(find()).toEqual(['a', 'b']);
    expect(find({}, { ...STAFF, role: 'passenger' })).toEqual(['b']);
  });

  it('come in turns when they are many, a frame a turn; who moves meanwhile comes after all of them', async () => {
    const { clock, frames, driver, find } = fleet();
    const ids = Array.from({ length: 3_500 }, (_, i) => driver(`m-${i}`, HERE.lng + i * 1e-6).id);
    clock.pass(1_000);
    expect(frames).toHaveLength(1);
    // A second passes before all are told: those who moved meanwhile wait for the next one.
    driver('later');
    clock.pass(1_000);
    await expect.poll(() => frames.flatMap(({ rows }) => rows.map((row) => row.driver))).toEqual(ids);
    expect(find({ limit: 3 })).toEqual(['m-0', 'm-1', 'm-2']);
    clock.pass(1_000);
    expect(frames.at(-1)?.rows.map((row) => row.driver)).toEqual(['later']);
  });

  it('stay where the newest word has them: who lost a driver to another process may still tell of it [N2]', () => {
    const { clock, driver, gathered, find } = fleet();
    const [before, now] = [driver('a', HERE.lng + 1), driver('a')].map((one) => fleetRowOf(one) as FleetRow);
    clock.pass(1_000);
    const told = { type: 'fleet', feed: 'fleet', full: false, home: 2, gone: [] } as const;
    gathered.deliver({ ...told, number: 1, rows: [{ ...(before as FleetRow), heardAt: (now as FleetRow).heardAt - 1 }] });
    expect(find()).toEqual(['a']);
    gathered.deliver({ ...told, number: 2, rows: [{ ...(now as FleetRow), status: 'BUSY' }] });
    expect(find({ statuses: ['BUSY'] })).toEqual(['a']);
    // Told by a process whose clock is ahead, or before this one's was set back.
    const later = clock.now() + 60_000;
    gathered.deliver({ ...told, number: 3, rows: [{ ...(now as FleetRow), lng: HERE.lng + 1, heardAt: later }] });
    expect(find()).toEqual([]);
    gathered.deliver({ ...told, number: 4, rows: [now as FleetRow] });
    expect(find()).toEqual(['a']);
  });

  it('that a lost frame told of are found once the store has them, which may be a while later [N2 P7]', async () => {
    const stored: FleetRow[] = [];
    const { clock, driver, gathered, find } = fleet(() => stored);
    const row = fleetRowOf({ ...driver('elsewhere'), id: 'lost' }) as FleetRow;
    const told = { type: 'fleet', feed: 'fleet', full: false, home: 2, rows: [], gone: [] } as const;
    gathered.deliver({ ...told, number: 1 });
    gathered.deliver({ ...told, number: 3 });
    await gathered.seed();
    stored.push(row);
    clock.pass(11_900);
    expect(find()).toEqual(['elsewhere']);
    clock.pass(100);
    await expect.poll(() => find()).toEqual(['elsewhere', 'lost']);
  });
});
