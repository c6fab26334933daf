import { expect, it } from 'vitest';
import type { Principal } from './principal.ts';
import type { PassList } from './storage-ports.ts';
import { TrackSearch } from './track-search.ts';

const STAFF: Principal = { sub: 'd', role: 'dispatcher', trips: undefined, drivers: undefined, labels: undefined, expiresAt: null };
const SEARCH = { lat: 1, lng: 2, radius: 100, from: 0, to: 1, drivers: null };

it('a fifth search at once is refused, and taken once one of them has ended, well or not [Q6]', async () => {
  const under: { resolve: (list: PassList) => void; reject: (error: Error) => void }[] = [];
  const search = new TrackSearch({ passes: () => new Promise((resolve, reject) => under.push({ resolve, reject })) });
  const ask = () => search.find(STAFF, SEARCH, 1);
  const asked = [ask(), ask(), ask(), ask()];
  await expect(ask()).rejects.toMatchObject({ code: 'rate_limited', retryAfter: 1 });
  const found: PassList = { items: [], isComplete: true };
  under[0]?.resolve(found);
  under[1]?.reject(new Error('broken'));
  expect(await asked[0]).toBe(found);
  await expect(asked[1]).rejects.toThrow('broken');
  const more = [ask(), ask()];
  await expect(ask()).rejects.toMatchObject({ code: 'rate_limited' });
  for (const one of under) one.resolve(found);
  await Promise.all(more);
});

it('whoever may see no driver is told of none, without a look [Q5]', async () => {
  const search = new TrackSearch({ passes: () => Promise.reject(new Error('looked')) });
  const narrowed = { ...STAFF, trips: new Set(['t']) };
  expect(await search.find(narrowed, SEARCH, 1)).toEqual({ items: [], isComplete: true });
});
