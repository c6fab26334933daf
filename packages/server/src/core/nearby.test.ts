import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { haversine } from './geo.ts';
import { Nearby } from './nearby.ts';

interface Place {
  readonly lat: number;
  readonly lng: number;
}

const HALF_EARTH = Math.PI * 6_371_000;
const rounded = (degrees: number) => Math.round(degrees * 1e7) / 1e7;
const wrapped = (lng: number) => (lng > 180 ? lng - 360 : lng < -180 ? lng + 360 : lng);
const about = (centre: Place, degrees: number): fc.Arbitrary<Place> =>
  fc
    .tuple(fc.double({ min: -degrees, max: degrees, noNaN: true }), fc.double({ min: -degrees, max: degrees, noNaN: true }))
    .map(([up, right]) => ({
      lat: rounded(Math.max(-90, Math.min(90, centre.lat + up))),
      lng: rounded(wrapped(centre.lng + right)),
    }));

/** Towns, the corners of the map, and a place on the very edge of cells. */
const CENTRES: readonly Place[] = [
  { lat: 52.5, lng: 13.4 },
  { lat: -33.9, lng: 151.2 },
  { lat: 0, lng: 180 },
  { lat: -16.5, lng: -179.99 },
  { lat: 71.4, lng: 179.999 },
  { lat: 89.999, lng: 40 },
  { lat: -90, lng: 0 },
  { lat: 0.005, lng: -0.08 },
];
const anywhere = fc
  .tuple(fc.double({ min: -90, max: 90, noNaN: true }), fc.double({ min: -180, max: 180, noNaN: true }))
  .map(([lat, lng]) => ({ lat: rounded(lat), lng: rounded(lng) }));
const clustered = fc.constantFrom(...CENTRES).chain((centre) => about(centre, 0.05));
/** On corners of cells, so that many stand on the same spot and on edges. */
const lattice = fc
  .tuple(fc.constantFrom(...CENTRES), fc.integer({ min: -3, max: 3 }), fc.integer({ min: -3, max: 3 }))
  .map(([{ lat, lng }, up, right]) => ({
    lat: rounded(Math.max(-90, Math.min(90, Math.round(lat / 0.005) * 0.005 + up * 0.005))),
    lng: rounded(wrapped(Math.round(lng / 0.005) * 0.005 + right * 0.005)),
  }));
const place = fc.oneof({ weight: 4, arbitrary: clustered }, { weight: 2, arbitrary: lattice }, { weight: 1, arbitrary: anywhere });
const radius = fc.oneof(
  fc.double({ min: 1, max: 10_000, noNaN: true }),
  fc.double({ min: 10_000, max: 500_000, noNaN: true }),
  fc.constantFrom(HALF_EARTH, HALF_EARTH / 2, 0),
);
interface Question {
  readonly at: Place;
  readonly radius: number;
  readonly limit: number;
  readonly every: number;
}
const question: fc.Arbitrary<Question> = fc.record({
  at: place,
  radius,
  limit: fc.integer({ min: 1, max: 30 }),
  every: fc.constantFrom(1, 1, 2, 7),
});

/** All of them, by their distance: what the index must answer. */
function bruteForce(points: ReadonlyMap<number, Place>, at: Place, within: number, limit: number, accept: (slot: number) => boolean) {
  return [...points]
    .filter(([slot]) => accept(slot))
    .map(([slot, { lat, lng }]) => ({ slot, distance: haversine(at.lat, at.lng, lat, lng) }))
    .filter(({ distance }) => distance <= within)
    .sort((a, b) => a.distance - b.distance || a.slot - b.slot)
    .slice(0, limit);
}

function check(index: Nearby, points: ReadonlyMap<number, Place>, { at, radius: within, limit, every }: Question): void {
  const accept = (slot: number) => slot % every === 0;
  const found = index.nearest({ ...at, radius: within, limit, accept });
  expect(found).toEqual(bruteForce(points, at, within, limit, accept));
}

/** Numbers that look like chance and are always the same. */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return (state >>> 0) / 2 ** 32;
  };
}

describe('the nearest points [N1]', () => {
  it('are those that looking at all of them finds, in that order', () => {
    fc.assert(
      fc.property(
        fc.array(place, { maxLength: 300, size: 'max' }),
        fc.array(question, { minLength: 1, maxLength: 8 }),
        (places, questions) => {
          const index = new Nearby();
          const points = new Map(places.map((one) => [index.add(one.lat, one.lng), one]));
          for (const one of questions) check(index, points, one);
        },
      ),
      { numRuns: 200 },
    );
  });

  it('stay so while points come, move and go', () => {
    const step = fc.oneof(
      { weight: 4, arbitrary: fc.record({ kind: fc.constant('add' as const), at: place }) },
      { weight: 4, arbitrary: fc.record({ kind: fc.constant('move' as const), at: place, which: fc.nat() }) },
      { weight: 3, arbitrary: fc.record({ kind: fc.constant('remove' as const), which: fc.nat() }) },
      { weight: 2, arbitrary: question.map((asked) => ({ kind: 'ask' as const, asked })) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 300, size: 'max' }), (steps) => {
        const index = new Nearby();
        const points = new Map<number, Place>();
        const pick = (which: number) => [...points.keys()][which % Math.max(1, points.size)];
        for (const one of steps) {
          if (one.kind === 'add') {
            const slot = index.add(one.at.lat, one.at.lng);
            expect(points.has(slot), 'a slot of its own').toBe(false);
            points.set(slot, one.at);
          } else if (one.kind === 'ask') {
            check(index, points, one.asked);
          } else {
            const slot = pick(one.which);
            if (slot === undefined) continue;
            if (one.kind === 'move') {
              index.move(slot, one.at.lat, one.at.lng);
              points.set(slot, one.at);
            } else {
              index.remove(slot);
              points.delete(slot);
            }
          }
          expect(index.size).toBe(points.size);
        }
      }),
      { numRuns: 200 },
    );
  });

  it.each([
    ['crowded towns', 0.03, 3_000],
    ['a wide country', 6, 80_000],
    ['the whole earth', 90, HALF_EARTH],
  ])('are right among thousands: %s', (_, spread, within) => {
    const random = chance(7);
    const towns = CENTRES.slice(0, 5);
    const anyPlace = (): Place => {
      const { lat, lng } = towns[Math.floor(random() * towns.length)] as Place;
      const off = () => (random() + random() - 1) * spread;
      return { lat: rounded(Math.max(-90, Math.min(90, lat + off()))), lng: rounded(wrapped(lng + off())) };
    };
    const index = new Nearby();
    const points = new Map<number, Place>();
    for (let i = 0; i < 5_000; i++) {
      const one = anyPlace();
      points.set(index.add(one.lat, one.lng), one);
    }
    for (const slot of [...points.keys()]) {
      if (slot % 3 === 0) continue;
      const one = anyPlace();
      index.move(slot, one.lat, one.lng);
      points.set(slot, one);
    }
    for (let i = 0; i < 60; i++) check(index, points, { at: anyPlace(), radius: within, limit: 1 + (i % 20), every: i % 2 === 0 ? 1 : 5 });
  });

  it.each([
    ['in the far north', 78, 4],
    ['around the pole', 90, 3],
  ])('are right when many fit, %s, where degrees of longitude are short', (_, lat, spread) => {
    const random = chance(11);
    const anyPlace = () => ({
      lat: rounded(Math.min(90, lat + (random() + random() - 1) * spread)),
      lng: rounded(lat === 90 ? random() * 360 - 180 : wrapped(175 + (random() - 0.5) * 40)),
    });
    const index = new Nearby();
    const points = new Map<number, Place>();
    for (let i = 0; i < 12_000; i++) {
      const one = anyPlace();
      points.set(index.add(one.lat, one.lng), one);
    }
    for (const within of [20_000, 60_000, 300_000])
      for (let i = 0; i < 4; i++) check(index, points, { at: anyPlace(), radius: within, limit: 2_000, every: 1 });
  });

  it('finds each once where a row of cells runs all around the pole', () => {
    const index = new Nearby();
    const points = new Map<number, Place>();
    for (let i = 0; i < 12_000; i++) {
      const one = { lat: 89.99, lng: rounded(i * 0.03 - 180) };
      points.set(index.add(one.lat, one.lng), one);
    }
    check(index, points, { at: { lat: 89.99, lng: 0 }, radius: 2_300, limit: 20_000, every: 1 });
  });

  it('includes a point exactly as far as the radius, and none beyond', () => {
    const index = new Nearby();
    const slot = index.add(0, 1);
    const distance = haversine(0, 0, 0, 1);
    const find = (within: number) => index.nearest({ lat: 0, lng: 0, radius: within, limit: 5, accept: () => true });
    expect(find(distance)).toEqual([{ slot, distance }]);
    expect(find(distance - 0.001)).toEqual([]);
  });

  it('looks over the date line and over the pole', () => {
    const index = new Nearby();
    const east = index.add(0, 179.999);
    const far = index.add(89.9999, 170);
    const find = (lat: number, lng: number) =>
      index.nearest({ lat, lng, radius: 1_000, limit: 5, accept: () => true }).map(({ slot }) => slot);
    expect(find(0, -179.999)).toEqual([east]);
    expect(find(89.9999, -10)).toEqual([far]);
  });
});

describe('memory', () => {
  it('is not taken by those who left: their slots are used again', () => {
    const index = new Nearby();
    const random = chance(3);
    const slots: number[] = [];
    let highest = 0;
    for (let round = 0; round < 50; round++) {
      while (slots.length < 2_000) slots.push(index.add(random() * 180 - 90, random() * 360 - 180));
      highest = Math.max(highest, ...slots);
      for (const slot of slots.splice(0, 1_500)) index.remove(slot);
    }
    expect(highest).toBe(1_999);
    expect(index.size).toBe(500);
  });
});
