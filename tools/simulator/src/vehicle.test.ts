import fc from 'fast-check';
import { expect, test } from 'vitest';
import { coordinates, ground, randomPlace } from './city.ts';
import { seededRandom } from './random.ts';
import { Vehicle } from './vehicle.ts';

const CAR = { speed: [28, 45] } as const;

/** Drives one random way to its end, a second at a time; answers what it saw. */
function drive(seed: number) {
  const random = seededRandom(seed);
  const vehicle = new Vehicle(randomPlace(random), CAR, random);
  const goal = randomPlace(random);
  vehicle.driveTo(goal);
  const seconds: { speed: number; moved: number; off: number; accuracy: number; bearing: number }[] = [];
  while (!vehicle.arrived && seconds.length < 3_000) {
    const before = ground(vehicle.place);
    vehicle.step(1);
    const after = ground(vehicle.place);
    const said = vehicle.reading();
    const at = coordinates(vehicle.place);
    seconds.push({
      speed: said.speed,
      moved: Math.hypot(after.east - before.east, after.north - before.north),
      off: Math.hypot((said.lat - at.lat) * 111_195, (said.lng - at.lng) * 83_420),
      accuracy: said.accuracy,
      bearing: said.bearing,
    });
  }
  return { vehicle, goal, seconds };
}

test('arrives, at the place itself, and stands', () => {
  fc.assert(
    fc.property(fc.nat(), (seed) => {
      const { vehicle, goal } = drive(seed);
      expect(vehicle.arrived).toBe(true);
      expect(vehicle.speed).toBe(0);
      const [at, to] = [ground(vehicle.place), ground(goal)];
      expect(Math.hypot(at.east - to.east, at.north - to.north)).toBeLessThan(0.01);
      vehicle.step(5);
      expect(vehicle.reading().speed).toBe(0);
    }),
    { numRuns: 60 },
  );
});

test('drives as a car in a city does: never over its speed, in no jumps, with stops on the way', () => {
  let stops = 0;
  let way = 0;
  let time = 0;
  for (let seed = 0; seed < 40; seed++) {
    const { seconds } = drive(seed);
    for (const [i, { moved, speed, bearing, accuracy }] of seconds.entries()) {
      expect(moved).toBeLessThanOrEqual(45 / 3.6 + 1e-6);
      expect(speed).toBeLessThan(49);
      expect(bearing).toBeGreaterThanOrEqual(0);
      expect(bearing).toBeLessThan(360);
      expect(accuracy).toBeGreaterThanOrEqual(3);
      expect(accuracy).toBeLessThanOrEqual(12);
      if (moved === 0 && (seconds[i - 1]?.moved ?? 0) > 0 && i < seconds.length - 1) stops += 1;
      way += moved;
    }
    time += seconds.length;
  }
  expect(stops).toBeGreaterThan(40);
  expect((way / time) * 3.6).toBeGreaterThan(15);
  expect((way / time) * 3.6).toBeLessThan(36);
});

test('its receiver is off by some metres, as accuracy says', () => {
  const offs = Array.from({ length: 30 }, (_, seed) => drive(seed).seconds).flat();
  const mean = offs.reduce((sum, { off }) => sum + off, 0) / offs.length;
  expect(mean).toBeGreaterThan(3);
  expect(mean).toBeLessThan(10);
  expect(offs.filter(({ off, accuracy }) => off < accuracy * 3).length / offs.length).toBeGreaterThan(0.97);
});

test('the same seed drives the same way', () => {
  expect(drive(7).seconds).toEqual(drive(7).seconds);
});
