import { TripInput, type TripKind, type TripStatus, validator } from '@waycast/protocol';
import { expect, test } from 'vitest';
import { Job } from './job.ts';
import { seededRandom } from './random.ts';
import { roster } from './roster.ts';

function job(kind: TripKind): Job {
  const pickup = { street: 3, offset: 40 };
  const dropoff = { street: 90, offset: 60 };
  return new Job({ id: 'demo-x-1', number: 1, kind, driverId: 'demo-car-1', driverName: 'Car 1', pickup, dropoff }, seededRandom(1));
}

/** Does everything at once and writes down what it was. */
function live(of: Job): string[] {
  const done: string[] = [];
  for (let { task } = of; task !== undefined; { task } = of) {
    if (task.do !== 'wait') done.push(task.do === 'status' ? task.status : task.do === 'drive' ? `to ${task.to}` : task.do);
    of.advance();
  }
  return done;
}

test('a ride goes through its statuses, each where the vehicle is', () => {
  expect(live(job('ride'))).toEqual(['create', 'EN_ROUTE', 'to pickup', 'ARRIVED', 'IN_PROGRESS', 'to dropoff', 'COMPLETED']);
});

test('a delivery starts with its pick-up', () => {
  expect(live(job('delivery'))).toEqual(['create', 'to pickup', 'PICKED_UP', 'IN_TRANSIT', 'to dropoff', 'DELIVERED']);
});

test('what is created fits the contract, and is the same at every attempt', () => {
  for (const kind of ['ride', 'delivery'] as const) {
    const of = job(kind);
    expect(validator(TripInput).check(of.input())).toBe(true);
    expect(of.input()).toEqual(of.input());
  }
});

test('the server knows how the trip stands', () => {
  const stand = (steps: number, status: TripStatus) => {
    const of = job('ride');
    for (let i = 0; i < steps; i++) of.advance();
    return [of.realign(status), of.task];
  };
  // An answer was lost: the status is there already.
  expect(stand(4, 'ARRIVED')).toEqual([true, expect.objectContaining({ do: 'wait' })]);
  // As we know it.
  expect(stand(3, 'EN_ROUTE')).toEqual([true, { do: 'drive', to: 'pickup' }]);
  expect(stand(4, 'EN_ROUTE')).toEqual([true, { do: 'status', status: 'ARRIVED' }]);
  expect(stand(2, 'PENDING')).toEqual([true, { do: 'status', status: 'EN_ROUTE' }]);
  // Ended by somebody else.
  expect(stand(4, 'CANCELLED')).toEqual([true, undefined]);
  expect(stand(4, 'COMPLETED')).toEqual([true, undefined]);
  // The server forgot something.
  expect(stand(7, 'EN_ROUTE')[0]).toBe(false);
});

test('the fleet has work of both kinds, and ids that stay', () => {
  const members = roster(40);
  expect(new Set(members.map(({ id }) => id)).size).toBe(40);
  expect(members.slice(0, 4).map(({ id, name, plate }) => [id, name, plate])).toEqual([
    ['demo-car-1', 'Car 1', 'WC-001'],
    ['demo-van-2', 'Van 2', 'WC-002'],
    ['demo-car-3', 'Car 3', 'WC-003'],
    ['demo-bike-4', 'Bike 4', 'WC-004'],
  ]);
  const working = members.filter(({ role }) => role === 'working');
  expect(working).toHaveLength(32);
  expect(working.filter(({ work }) => work === 'ride').length).toBeGreaterThan(10);
  expect(working.filter(({ work }) => work === 'delivery').length).toBeGreaterThan(10);
});
