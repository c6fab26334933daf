import { between, type Random } from './random.ts';

/** m, one side of a block */
export const BLOCK = 133.3;
const COLUMNS = 21;
const ROWS = 15;
const CENTRE = { lat: 41.3917, lng: 2.1649 };
/** degrees from north in which the columns count up; the rows count up 90 degrees to the right of it */
const TURN = 45;
const METRES_PER_DEGREE = (6_371_000 * Math.PI) / 180;
/** m that a corner counts when choosing a way, so that it goes straight where it can */
const CORNER = 60;

/** Somewhere along a street: m from where the street starts. */
export interface Place {
  street: number;
  offset: number;
}

/** One block long, in one direction. */
interface Street {
  from: number;
  to: number;
  /** 0: columns up, 1: rows up, 2: columns down, 3: rows down */
  heading: number;
}

/** A way along whole streets, but for the ends: it enters the first at `start` and stops on the last at `end`. */
export interface Route {
  streets: readonly number[];
  start: number;
  end: number;
  /** m */
  length: number;
}

/**
 * The Eixample of Barcelona as a grid of 20 x 14 blocks. As in the real one, most streets are one-way, every other in the
 * other direction; the outer ones and two avenues in the middle go both ways, so that every place can be reached.
 */
const streets: Street[] = [];
const leaving: number[][] = Array.from({ length: COLUMNS * ROWS }, () => []);
for (let row = 0; row < ROWS; row++) {
  for (let column = 0; column < COLUMNS; column++) {
    const node = row * COLUMNS + column;
    const alongRow = row === 0 || row === ROWS - 1 || row === 7 ? 'both' : row % 2 === 0 ? 'up' : 'down';
    const alongColumn = column === 0 || column === COLUMNS - 1 || column === 10 ? 'both' : column % 2 === 0 ? 'up' : 'down';
    if (column + 1 < COLUMNS) lay(node, node + 1, 0, alongRow);
    if (row + 1 < ROWS) lay(node, node + COLUMNS, 1, alongColumn);
  }
}

function lay(from: number, to: number, heading: number, way: 'up' | 'down' | 'both'): void {
  if (way !== 'down') leaving[from]?.push(streets.push({ from, to, heading }) - 1);
  if (way !== 'up') leaving[to]?.push(streets.push({ from: to, to: from, heading: heading + 2 }) - 1);
}

export function streetCount(): number {
  return streets.length;
}

function streetAt(index: number): Street {
  const street = streets[index];
  if (street === undefined) throw new RangeError(`no street ${index}`);
  return street;
}

/** Degrees from north in which a street is driven. */
export function streetBearing(street: number): number {
  return (TURN + 90 * streetAt(street).heading) % 360;
}

/** Whether going from one street on to the next is a corner. */
export function isCorner(from: number, to: number): boolean {
  return streetAt(from).heading !== streetAt(to).heading;
}

/** Metres east and north of the centre. */
export function ground({ street, offset }: Place): { east: number; north: number } {
  const { from, heading } = streetAt(street);
  const along = (from % COLUMNS) - (COLUMNS - 1) / 2;
  const across = Math.floor(from / COLUMNS) - (ROWS - 1) / 2;
  const sign = heading < 2 ? 1 : -1;
  const u = along * BLOCK + (heading % 2 === 0 ? sign * offset : 0);
  const v = across * BLOCK + (heading % 2 === 1 ? sign * offset : 0);
  const angle = (TURN * Math.PI) / 180;
  return { east: u * Math.sin(angle) + v * Math.cos(angle), north: u * Math.cos(angle) - v * Math.sin(angle) };
}

/** Degrees of a point given in m from the centre. */
export function degrees(east: number, north: number): { lat: number; lng: number } {
  const lat = CENTRE.lat + north / METRES_PER_DEGREE;
  return { lat, lng: CENTRE.lng + east / (METRES_PER_DEGREE * Math.cos((CENTRE.lat * Math.PI) / 180)) };
}

export function coordinates(place: Place): { lat: number; lng: number } {
  const { east, north } = ground(place);
  return degrees(east, north);
}

/** A random door: along a street, not at its crossings. */
export function randomPlace(random: Random): Place {
  return { street: Math.floor(random() * streets.length), offset: between(random, 20, BLOCK - 20) };
}

/** The shortest way, counting corners as a little longer. Nobody turns round in a street. */
export function routeBetween(from: Place, to: Place): Route {
  const last = from.street === to.street && to.offset >= from.offset ? [from.street] : search(from.street, to.street);
  return { streets: last, start: from.offset, end: to.offset, length: (last.length - 1) * BLOCK + to.offset - from.offset };
}

/** Where one is after `distance` m of a route. */
export function placeOn(route: Route, distance: number): Place {
  const total = route.start + Math.max(0, Math.min(distance, route.length));
  const index = Math.min(Math.floor(total / BLOCK), route.streets.length - 1);
  return { street: route.streets[index] ?? 0, offset: total - index * BLOCK };
}

/** Dijkstra over streets; the first one is behind us, so a way that ends on it goes round the block. */
function search(first: number, goal: number): number[] {
  const cost = new Float64Array(streets.length).fill(Number.POSITIVE_INFINITY);
  const before = new Int32Array(streets.length).fill(-1);
  const open: { street: number; cost: number }[] = [];
  const reach = (street: number, from: number, price: number) => {
    if (price >= (cost[street] ?? 0)) return;
    cost[street] = price;
    before[street] = from;
    let at = open.length;
    while (at > 0 && (open[at - 1]?.cost ?? 0) < price) at -= 1;
    open.splice(at, 0, { street, cost: price });
  };
  const expand = (street: number, price: number) => {
    const { to, heading } = streetAt(street);
    for (const next of leaving[to] ?? []) {
      const turn = (streetAt(next).heading - heading + 4) % 4;
      if (turn !== 2) reach(next, street, price + BLOCK + (turn === 0 ? 0 : CORNER));
    }
  };
  expand(first, 0);
  for (let best = open.pop(); best !== undefined; best = open.pop()) {
    if (best.street === goal) break;
    if (best.cost <= (cost[best.street] ?? 0)) expand(best.street, best.cost);
  }
  const way = [goal];
  for (let street = before[goal] ?? -1; street !== -1 && street !== first; street = before[street] ?? -1) way.unshift(street);
  if (before[goal] === -1) throw new Error(`no way from street ${first} to ${goal}`);
  return [first, ...way];
}
