/** Degrees. */
export interface Place {
  lat: number;
  lng: number;
}

export type Spread = 'clustered' | 'sparse';

const CITIES = 20;

/** Numbers that look like chance and are the same in every run. */
export function chance(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) | 0;
    return (state >>> 0) / 2 ** 32;
  };
}

/** Somewhere in Europe: within some 5 km of the middle of one of twenty cities, or anywhere. */
export function placer(spread: Spread, random: () => number): () => Place {
  const anywhere = () => ({ lat: 37 + random() * 18, lng: -5 + random() * 30 });
  if (spread === 'sparse') return anywhere;
  const cities = Array.from({ length: CITIES }, anywhere);
  const off = () => Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random());
  return () => {
    const { lat, lng } = cities[Math.floor(random() * CITIES)] as Place;
    return { lat: lat + off() * 0.05, lng: lng + off() * 0.08 };
  };
}
