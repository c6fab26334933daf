import { expect, it, vi } from 'vitest';
import { MemoryBus } from '../adapters/memory-bus.ts';
import { ManualClock } from './contracts/manual-clock.ts';
import { driverAt, fixAt } from './contracts/samples.ts';
import { FLEET, type FleetFrame } from './delivery.ts';
import { Fleet } from './fleet.ts';
import { NearbyDrivers } from './nearby.ts';

it('a large fleet that moved is told in frames of some hundreds, numbered one by one, everybody once [N2]', async () => {
  const clock = new ManualClock();
  const bus = new MemoryBus();
  const frames: FleetFrame[] = [];
  bus.listen((delivery) => delivery.type === 'fleet' && frames.push(delivery));
  bus.join(FLEET);
  const nearby = new NearbyDrivers(clock);
  const fleet = new Fleet({ home: 1, bus, clock, nearby, stored: async () => [], warn: () => undefined });
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
