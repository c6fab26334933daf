import { haversine } from '../../../../packages/server/src/core/geo.ts';
import { Nearby } from '../../../../packages/server/src/core/nearby.ts';
import { chance, type Place, placer, type Spread } from './places.ts';
import { quantile } from './quantile.ts';

const UPDATES = 2_000_000;
const QUERIES = 20_000;
const WARM = 2_000;
const SCANS = 50;
const LIMIT = 10;
/** m; the default radius where many are, the largest where few are */
const RADIUS = { clustered: 5_000, sparse: 100_000 };

export interface IndexRow {
  spread: Spread;
  drivers: number;
  /** ns each */
  update: number;
  /** us */
  p50: number;
  p99: number;
  /** us of looking at all */
  scan: number;
  wrong: number;
}

/** The index by itself: a small move of one driver after another, and the ten nearest to places where drivers are. */
export function indexRow(spread: Spread, drivers: number): IndexRow {
  const random = chance(5);
  const place = placer(spread, random);
  const index = new Nearby();
  const places = Array.from({ length: drivers }, place);
  const slots = places.map(({ lat, lng }) => index.add(lat, lng));
  const lats = Float64Array.from(places, ({ lat }) => lat);
  const lngs = Float64Array.from(places, ({ lng }) => lng);
  const started = performance.now();
  for (let i = 0; i < UPDATES; i++) {
    const at = Math.imul(i, 7_919) % drivers;
    const driver = at < 0 ? at + drivers : at;
    lats[driver] = (lats[driver] as number) + 0.000_1;
    index.move(slots[driver] as number, lats[driver] as number, lngs[driver] as number);
  }
  const update = ((performance.now() - started) * 1e6) / UPDATES;
  const radius = RADIUS[spread];
  const times: number[] = [];
  for (let i = 0; i < QUERIES + WARM; i++) {
    const { lat, lng } = place();
    const asked = performance.now();
    index.nearest({ lat, lng, radius, limit: LIMIT, accept: () => true });
    if (i >= WARM) times.push((performance.now() - asked) * 1_000);
  }
  const all = { slots, lats, lngs };
  const checked = Array.from({ length: SCANS }, () => scanned(index, all, place(), radius));
  const scan = quantile(
    checked.map(({ us }) => us),
    0.5,
  );
  return {
    ...{ spread, drivers, update, p50: quantile(times, 0.5), p99: quantile(times, 0.99), scan },
    wrong: checked.filter(({ right }) => !right).length,
  };
}

/** The same by looking at all of them: how long that takes, and whether the index agrees. */
function scanned(index: Nearby, all: { slots: number[]; lats: Float64Array; lngs: Float64Array }, { lat, lng }: Place, radius: number) {
  const asked = performance.now();
  const near: { slot: number; distance: number }[] = [];
  for (let i = 0; i < all.slots.length; i++) {
    const distance = haversine(lat, lng, units(all.lats[i] as number), units(all.lngs[i] as number));
    if (distance <= radius) near.push({ slot: all.slots[i] as number, distance });
  }
  near.sort((a, b) => a.distance - b.distance || a.slot - b.slot);
  const us = (performance.now() - asked) * 1_000;
  const found = index.nearest({ lat, lng, radius, limit: LIMIT, accept: () => true });
  return { us, right: JSON.stringify(found) === JSON.stringify(near.slice(0, LIMIT)) };
}

function units(degrees: number): number {
  return Math.round(degrees * 1e7) / 1e7;
}
