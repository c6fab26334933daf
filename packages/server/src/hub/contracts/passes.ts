import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { millimetres } from '../../core/around.ts';
import type { FixRow } from '../../core/effects.ts';
import { haversine } from '../../core/geo.ts';
import type { Pass, PassList, PassSearch } from '../storage-ports.ts';
import { type OpenStore, places, type StorePlace } from './place.ts';
import { commitOf, driverAt, fixAt, row, T0 } from './samples.ts';

const DAY_MS = 86_400_000;
/** m of a degree on the sphere of F3. */
const DEGREE = (Math.PI * 6_371_000) / 180;
const HERE = { lat: 44.5, lng: 11.3 };
const ALWAYS = { from: 0, to: Number.MAX_SAFE_INTEGER, drivers: null };

/** Towns, the date line by both its names, and around the poles. */
const CENTRES = [
  { lat: 52.5, lng: 13.4 },
  { lat: 0, lng: 180 },
  { lat: -16.5, lng: -179.999 },
  { lat: 71.4, lng: 179.9999 },
  { lat: 89.999, lng: 40 },
  { lat: -90, lng: 0 },
] as const;

/** Oldest first, ties by receipt. */
function inOrder(rows: readonly FixRow[]): FixRow[] {
  return rows.toSorted((a, b) => a.fix.at - b.fix.at || a.position - b.position);
}

/** Looks at all of them, in order: what a search must answer [Q1-Q4]. */
function bruteForce(rows: readonly FixRow[], search: PassSearch, limit: number): PassList {
  const { lat, lng, radius, from, to, drivers } = search;
  const found = new Map<string, { pass: Pass; mm: number }>();
  for (const { driverId, fix, suspect } of rows) {
    if (suspect !== null || fix.at < from || fix.at > to || drivers?.includes(driverId) === false) continue;
    const mm = millimetres(haversine(lat, lng, fix.lat, fix.lng));
    if (mm > millimetres(radius)) continue;
    const known = found.get(driverId);
    const here = { lat: fix.lat, lng: fix.lng, at: fix.at, distance: mm / 1_000 };
    // Of equally near ones the first stays.
    const isNearer = known === undefined || mm < known.mm;
    const nearest = isNearer ? here : known.pass.nearest;
    const pass = { driver: driverId, first: known?.pass.first ?? fix.at, last: fix.at, fixes: (known?.pass.fixes ?? 0) + 1, nearest };
    found.set(driverId, { pass, mm: isNearer ? mm : known.mm });
  }
  const sorted = [...found.values()].sort((a, b) => a.mm - b.mm || (a.pass.driver < b.pass.driver ? -1 : 1));
  return { items: sorted.slice(0, limit).map(({ pass }) => pass), isComplete: sorted.length <= limit };
}

/** Stores keep whole numbers: 0 has no sign there. */
const rounded = (degrees: number) => Math.round(degrees * 1e7) / 1e7 + 0;
const wrapped = (lng: number) => (lng > 180 ? lng - 360 : lng < -180 ? lng + 360 : lng);
function off(centre: { readonly lat: number; readonly lng: number }, up: number, right: number) {
  return { lat: rounded(Math.max(-90, Math.min(90, centre.lat + up))), lng: rounded(wrapped(centre.lng + right)) };
}

/** Numbers that look like chance and are always the same. */
function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return (state >>> 0) / 2 ** 32;
  };
}

/** Drivers in several towns over 40 days, some fixes received days late, some suspect, some of them twice. */
function fleetRows(count: number, firstPosition: number, random: () => number): FixRow[] {
  const rows: FixRow[] = [];
  while (rows.length < count) {
    const position = firstPosition + rows.length;
    const again = rows[Math.floor(random() * rows.length)];
    if (again !== undefined && random() < 0.05) {
      rows.push({ ...again, position, unsure: random() < 0.5 });
      continue;
    }
    const centre = CENTRES[Math.floor(random() * CENTRES.length)] ?? HERE;
    const spread = random() < 0.5 ? 0.5 : 0.002;
    const place = off(centre, (random() - 0.5) * spread, centre.lat > 89 ? (random() - 0.5) * 300 : (random() - 0.5) * spread);
    const at = T0 + Math.floor(random() * 40 * DAY_MS);
    const suspect = random() < 0.05 ? ('teleport' as const) : null;
    const receivedAt = at + Math.floor(random() < 0.2 ? random() * 9 * DAY_MS : random() * 5_000);
    rows.push(row(position, 0, { driverId: `n-${Math.floor(random() * 60)}`, fix: fixAt(0, 0, { ...place, at }), receivedAt, suspect }));
  }
  return rows;
}

/** What a store holds for whoever asks who passed. */
export function passesContract(name: string, make: () => StorePlace): void {
  const { place, open } = places(make);
  const search = (more: Partial<PassSearch> = {}): PassSearch => ({ ...HERE, radius: 100, ...ALWAYS, ...more });
  /** So many metres north of here, so many seconds after T0. */
  const north = (position: number, metres: number, seconds: number, more: Partial<FixRow> = {}): FixRow =>
    row(position, seconds, { fix: fixAt(seconds, 0, { ...off(HERE, metres / DEGREE, 0) }), ...more });
  const names = ({ items }: PassList) => items.map(({ driver }) => driver);

  describe(`${name}: who passed`, () => {
    it('is told with when, how often, and where it was nearest: the earliest of equally near ones [Q1 Q2]', async () => {
      const store = await open();
      const beside = (position: number, seconds: number, right: number) =>
        row(position, seconds, { fix: fixAt(seconds, 0, off(HERE, 0, right)) });
      // Two hundred-thousandths of a degree to either side, the one as far as the other.
      const rows = [north(1, 50, 30), beside(2, 20, 2e-4), beside(3, 10, -2e-4), beside(4, 10, 2e-4), north(5, 200, 0), north(6, 90, 40)];
      await store.commit(commitOf({ rows }));
      const nearest = { lat: HERE.lat, lng: 11.2998, at: T0 + 10_000 };
      expect(await store.passes(search(), 10)).toEqual({
        items: [{ driver: 'd', first: T0 + 10_000, last: T0 + 40_000, fixes: 5, nearest: { ...nearest, distance: 15.862 } }],
        isComplete: true,
      });
    });

    it('comes nearest first, then by id, at most so many, and says whether that is all [Q2]', async () => {
      const store = await open();
      const at = (driverId: string, metres: number, position: number) => north(position, metres, position, { driverId });
      await store.commit(commitOf({ rows: [at('b', 30, 1), at('c', 10, 2), at('a-10', 30, 3), at('a-9', 30, 4)] }));
      expect(names(await store.passes(search(), 10))).toEqual(['c', 'a-10', 'a-9', 'b']);
      for (const limit of [1, 2, 3, 4, 5]) {
        const found = await store.passes(search(), limit);
        expect(names(found)).toEqual(['c', 'a-10', 'a-9', 'b'].slice(0, limit));
        expect(found.isComplete).toBe(limit >= 4);
      }
    });

    it('radius, from and to are inclusive [Q3]', async () => {
      const store = await open();
      const one = north(1, 60, 10);
      await store.commit(commitOf({ rows: [one] }));
      const radius = haversine(HERE.lat, HERE.lng, one.fix.lat, one.fix.lng);
      const { at } = one.fix;
      const isFound = async (more: Partial<PassSearch>) =>
        (await store.passes(search({ radius, from: at, to: at, ...more }), 1)).items.length;
      expect([await isFound({}), await isFound({ radius: radius - 0.001 })]).toEqual([1, 0]);
      expect([await isFound({ from: at + 1, to: at + 1 }), await isFound({ from: at - 1, to: at - 1 })]).toEqual([0, 0]);
    });

    it('leaves suspect fixes out, and those of others than asked for [Q4]', async () => {
      const store = await open();
      const rows = [
        north(1, 1, 1, { suspect: 'ahead' }),
        north(2, 1, 1, { driverId: 'e', suspect: 'teleport' }),
        north(3, 2, 1, { driverId: 'f' }),
        north(4, 3, 1, { driverId: 'g' }),
      ];
      await store.commit(commitOf({ rows }));
      expect(names(await store.passes(search(), 10))).toEqual(['f', 'g']);
      expect(names(await store.passes(search({ drivers: ['g', 'd', 'unheard', 'g', "' OR 1=1 --"] }), 10))).toEqual(['g']);
      expect(await store.passes(search({ drivers: ['unheard'] }), 10)).toEqual({ items: [], isComplete: true });
    });

    it('is the same while the store moves what it has, and afterwards [Q1]', async () => {
      const at = place();
      const store = await open(at);
      const rows = fleetRows(Math.max(4_000, at.enough), 1, chance(5)).map((one) => ({ ...one, unsure: false }));
      const whole = new Set(rows.map(({ driverId }) => driverId));
      const asked = { ...CENTRES[0], radius: 20_000, ...ALWAYS };
      const expected = bruteForce(inOrder(rows), asked, 1_000);
      await store.commit(commitOf({ rows, snapshots: [...whole].map((id) => driverAt(id, rows.length)) }));
      let settled = false;
      const settling = at.settled().then(() => {
        settled = true;
      });
      do expect(await store.passes(asked, 1_000)).toEqual(expected);
      while (!settled);
      await settling;
      expect(await store.passes(asked, 1_000)).toEqual(expected);
    });

    describe('in the history of a fleet', () => {
      const shelf = make();
      let kept: readonly FixRow[] = [];
      let store: OpenStore;
      beforeAll(async () => {
        store = await shelf.open();
        const random = chance(11);
        let given = 0;
        const commit = async (count: number, isWhole: boolean) => {
          const rows = fleetRows(count, given + 1, random);
          given += count;
          const ids = isWhole ? new Set(rows.map(({ driverId }) => driverId)) : new Set<string>();
          const { duplicates } = await store.commit(commitOf({ rows, snapshots: [...ids].map((id) => driverAt(id, 1e9)) }));
          kept = inOrder([...kept, ...rows.filter((_, index) => !duplicates.includes(index))]);
        };
        await commit(shelf.enough, true);
        await shelf.settled();
        // Too few for the store to do anything with them soon: as they were given.
        await commit(700, false);
        await commit(300, false);
      });
      afterAll(async () => {
        await store.close();
        await shelf.remove();
      });

      const question = fc.record({
        around: fc.nat(),
        edge: fc.nat(),
        isEdge: fc.boolean(),
        up: fc.double({ min: -0.003, max: 0.003, noNaN: true }),
        right: fc.double({ min: -0.003, max: 0.003, noNaN: true }),
        radius: fc.oneof(fc.double({ min: 1, max: 2_000, noNaN: true }), fc.double({ min: 2_000, max: 50_000, noNaN: true })),
        since: fc.nat(),
        until: fc.nat(),
        isAlways: fc.boolean(),
        limit: fc.integer({ min: 1, max: 70 }),
        drivers: fc.option(
          fc.uniqueArray(
            fc.integer({ min: 0, max: 65 }).map((n) => `n-${n}`),
            { minLength: 1, maxLength: 20 },
          ),
        ),
      });

      it('is what looking at every fix finds: on edges, over the date line, around the poles, late, twice [Q1-Q4]', async () => {
        const pick = (n: number) => (kept[n % kept.length] as FixRow).fix;
        let found = 0;
        await fc.assert(
          fc.asyncProperty(question, async ({ around, edge, isEdge, up, right, radius, since, until, isAlways, limit, drivers }) => {
            const centre = isEdge ? pick(around) : off(pick(around), up, right);
            const far = haversine(centre.lat, centre.lng, pick(edge).lat, pick(edge).lng);
            const times = isAlways ? [0, Number.MAX_SAFE_INTEGER] : [pick(since).at, pick(until).at].sort((a, b) => a - b);
            const asked = {
              lat: centre.lat,
              lng: centre.lng,
              radius: isEdge && far >= 1 && far <= 50_000 ? far : radius,
              from: times[0] ?? 0,
              to: times[1] ?? 0,
              drivers,
            };
            const expected = bruteForce(kept, asked, limit);
            found += expected.items.length;
            expect(await store.passes(asked, limit)).toEqual(expected);
          }),
          { numRuns: 60 },
        );
        expect(found).toBeGreaterThan(50);
      });
    });
  });
}
