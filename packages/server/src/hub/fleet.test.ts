import fc from 'fast-check';
import { expect, it, vi } from 'vitest';
import { MemoryBus } from '../adapters/memory-bus.ts';
import type { Driver } from '../core/driver.ts';
import { ManualClock } from './contracts/manual-clock.ts';
import { driverAt, fixAt } from './contracts/samples.ts';
import { FLEET, type FleetFrame } from './delivery.ts';
import { Fleet } from './fleet.ts';
import { NearbyDrivers } from './nearby.ts';

/** What is told of a fleet, each frame with its time. */
function fleetOf() {
  const clock = new ManualClock();
  const bus = new MemoryBus();
  const frames: (FleetFrame & { at: number })[] = [];
  bus.listen((delivery) => delivery.type === 'fleet' && frames.push({ ...delivery, at: clock.now() }));
  bus.join(FLEET);
  const fleet = new Fleet({
    home: 1,
    bus,
    clock,
    nearby: new NearbyDrivers(clock),
    stored: async () => [],
    warn: () => undefined,
  });
  return { clock, fleet, frames };
}

it('a large fleet that moved is told in frames of some hundreds, numbered one by one, everybody once [N2]', async () => {
  const { clock, fleet, frames } = fleetOf();
  const drivers = Array.from({ length: 2_200 }, (_, n) => driverAt(`d${n}`, 1, { latest: fixAt(n), online: n % 10 !== 0 }));
  for (const driver of drivers) fleet.moved(driver);
  clock.pass(1_000);
  const told = () => frames.flatMap(({ rows, gone }) => [...rows.map(({ driver }) => driver), ...gone]);
  await vi.waitFor(() => expect(told()).toHaveLength(2_200));
  expect(new Set(told()).size).toBe(2_200);
  expect(frames.map(({ number }) => number)).toEqual(frames.map((_, n) => n + 1));
  expect(Math.max(...frames.map(({ rows, gone }) => rows.length + gone.length))).toBeLessThanOrEqual(500);
  expect(frames.flatMap(({ gone }) => gone)).toHaveLength(220);
  fleet.close();
});

it('a driver is told of at most once a second, as it is a second after it moved at the latest, few in a frame a second [N2]', () => {
  const move = fc.record({ afterMs: fc.integer({ min: 0, max: 400 }), who: fc.integer({ min: 0, max: 4 }) });
  fc.assert(
    fc.property(fc.array(move, { maxLength: 60 }), (moves) => {
      const { clock, fleet, frames } = fleetOf();
      const drivers: Driver[] = Array.from({ length: 5 }, (_, n) => driverAt(`d${n}`, 1, { latest: fixAt(0) }));
      const moved: { at: number; driver: string; seconds: number }[] = [];
      for (const [n, { afterMs, who }] of moves.entries()) {
        clock.pass(afterMs);
        const driver = drivers[who] as Driver;
        driver.latest = fixAt(n + 1);
        fleet.moved(driver);
        moved.push({ at: clock.now(), driver: driver.id, seconds: n + 1 });
        const everybody = fleet.full().rows.find((row) => row.driver === driver.id);
        expect(everybody?.at).toBe(fixAt(n + 1).at);
      }
      clock.pass(1_100);
      const told = frames.flatMap(({ at, rows }) => rows.map((row) => ({ at, driver: row.driver, captured: row.at })));
      for (const { id } of drivers) {
        const times = told.filter(({ driver }) => driver === id).map(({ at }) => at);
        for (const [i, at] of times.entries()) expect(at - (times[i - 1] ?? 0)).toBeGreaterThanOrEqual(1_000);
      }
      for (const { at, driver, seconds } of moved)
        expect(told.some((one) => one.driver === driver && one.at >= at && one.at <= at + 1_100 && one.captured >= fixAt(seconds).at)).toBe(
          true,
        );
      for (const [i, { at }] of frames.entries()) expect(at - (frames[i - 1]?.at ?? 0)).toBeGreaterThanOrEqual(1_000);
      fleet.close();
    }),
  );
});

it('whoever moved among many that move now and then waits no longer than a second [N2]', async () => {
  const { clock, fleet, frames } = fleetOf();
  const few = Array.from({ length: 10 }, (_, n) => driverAt(`few${n}`, 1, { latest: fixAt(0) }));
  const many = Array.from({ length: 500 }, (_, n) => driverAt(`many${n}`, 1, { latest: fixAt(0) }));
  for (const driver of few) fleet.moved(driver);
  clock.pass(100);
  for (const driver of few) {
    driver.latest = fixAt(1);
    fleet.moved(driver);
  }
  const since = clock.now();
  clock.pass(500);
  for (const driver of many) fleet.moved(driver);
  clock.pass(1_500);
  const told = frames.filter(({ rows }) => rows.some((row) => row.driver === 'few0' && row.at === fixAt(1).at));
  expect(told.map(({ at }) => at - since)).toEqual([1_000]);
  fleet.close();
});

it('a driver that was loaded anew is told of as it is now, once, whatever was to be told of it before [N2]', () => {
  const { clock, fleet, frames } = fleetOf();
  const before = driverAt('d', 1, { latest: fixAt(1) });
  fleet.moved(before);
  clock.pass(100);
  before.latest = fixAt(2);
  fleet.moved(before);
  fleet.moved(driverAt('d', 1, { latest: fixAt(3), online: false }));
  expect(fleet.full().rows).toEqual([]);
  clock.pass(2_000);
  expect(frames.map(({ rows, gone }) => [rows.map(({ at }) => at), gone])).toEqual([
    [[fixAt(1).at], []],
    [[], ['d']],
  ]);
  fleet.close();
});
