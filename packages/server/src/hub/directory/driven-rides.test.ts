import { afterEach, describe, expect, it } from 'vitest';
import { activeTrip, type Driver, newDriver } from '../../core/driver.ts';
import { newTrip } from '../../core/trip.ts';
import { ManualClock } from '../contracts/manual-clock.ts';
import { DrivenRides } from './driven-rides.ts';

const opened: DrivenRides[] = [];
afterEach(() => {
  for (const one of opened.splice(0)) one.close();
});

function fleet() {
  const clock = new ManualClock();
  const drivers = new Map<string, Driver>();
  const watched: string[] = [];
  const one = new DrivenRides({
    clock,
    drivers: () => drivers.values(),
    watch: (rideId) => void watched.push(rideId),
    unwatch: (rideId) => void watched.splice(watched.indexOf(rideId), 1),
  });
  opened.push(one);
  const driver = (id: string, online: boolean, trips: Readonly<Record<string, 'ride' | 'delivery'>>) => {
    const made = newDriver(id, 'e');
    made.online = online;
    made.trips = Object.entries(trips).map(([tripId, kind]) => activeTrip(made, newTrip(tripId, { kind, stops: [] }, 'digest', 0)));
    drivers.set(id, made);
    return made;
  };
  return { one, clock, drivers, driver, watched };
}

describe('the rides of those on the road', () => {
  it('are watched once each while they are open and their driver is heard of [X6]', () => {
    const { clock, driver, watched } = fleet();
    const ada = driver('ada', true, { r1: 'ride', r2: 'ride', parcel: 'delivery' });
    const bob = driver('bob', false, { r3: 'ride' });
    for (let n = 0; n < 5; n++) clock.pass(1_000);
    expect(watched).toEqual(['r1', 'r2']);
    bob.online = true;
    ada.trips = ada.trips.slice(1);
    clock.pass(2_000);
    expect(watched).toEqual(['r2', 'r3']);
    ada.online = false;
    clock.pass(2_000);
    expect(watched).toEqual(['r3']);
  });

  it('stay watched when they go from one driver to another, and go with a driver that leaves memory', () => {
    const { clock, drivers, driver, watched } = fleet();
    const ada = driver('ada', true, { r1: 'ride' });
    const bob = driver('bob', true, {});
    clock.pass(2_000);
    [bob.trips, ada.trips] = [ada.trips, []];
    clock.pass(2_000);
    expect(watched).toEqual(['r1']);
    drivers.delete('bob');
    clock.pass(2_000);
    expect(watched).toEqual([]);
  });

  it('of a large fleet are all met, a part at a time, however drivers come meanwhile', () => {
    const { clock, driver, watched } = fleet();
    const MANY = 50_000;
    for (let n = 0; n < MANY; n++) driver(`d${n}`, n % 100 === 0, { [`r${n}`]: 'ride' });
    clock.pass(1_000);
    expect(watched).toHaveLength(200);
    driver('late', true, { late: 'ride' });
    clock.pass(2_000);
    expect(watched).toHaveLength(MANY / 100 + 1);
    clock.pass(10_000);
    expect(watched).toHaveLength(MANY / 100 + 1);
  });

  it('are looked for no more once it is closed; twice is safe', () => {
    const { one, clock, driver, watched } = fleet();
    one.close();
    one.close();
    driver('ada', true, { r1: 'ride' });
    clock.pass(5_000);
    expect(watched).toEqual([]);
  });
});
