/** Metres of one degree of latitude on the sphere of [F3]. */
const DEGREE_M = (Math.PI * 6_371_000) / 180;

export interface Place {
  readonly lat: number;
  readonly lng: number;
}

export const CENTRE: Place = { lat: 52.5, lng: 13.4 };

/** So many metres north of the centre: on a meridian distances are plain sums. */
export function north(metres: number): Place {
  return { lat: CENTRE.lat + metres / DEGREE_M, lng: CENTRE.lng };
}

let count = 0;

/** An id no other test uses. */
export function unique(what: string): string {
  return `${what}-${++count}`;
}

/** A ride from the centre to a place 5 km north of it. */
export function ride<More extends object>(more: More) {
  return {
    kind: 'ride' as const,
    stops: [
      { id: 'from', type: 'pickup' as const, ...CENTRE },
      { id: 'to', type: 'dropoff' as const, ...north(5_000) },
    ],
    ...more,
  };
}

export function delivery<More extends object>(more: More) {
  return { ...ride({}), kind: 'delivery' as const, ...more };
}

/** Epoch ms of a minute that is long past, for captures whose order a test sets. */
export const PAST = Math.floor(Date.now() / 1000 - 7_200) * 1000;
