import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FixReceipt, TrackSearchResult } from '../packages/protocol/src/index.ts';
import { PAST, type Place, unique } from './support/places.ts';
import { type Caller, caller } from './support/rest.ts';
import { startServer, type TestServer } from './support/server.ts';

const DEGREE_M = (Math.PI * 6_371_000) / 180;
const DAY_MS = 86_400_000;

let server: TestServer;
let service: Caller;
let places = 0;

beforeAll(async () => {
  server = await startServer({
    env: { REST_RATE_LIMIT_PER_MINUTE: '1000000', LOCATION_UPDATE_RATE_LIMIT: '0' },
  });
  service = caller(server, await server.token('service', 'ship'));
});

afterAll(() => server.stop());

/** A place that no other test uses, 200 km from the others. */
function somewhere(): Place {
  places++;
  return { lat: -40 + places * 2, lng: 20 };
}

const north = ({ lat, lng }: Place, metres: number): Place => ({ lat: Number((lat + metres / DEGREE_M).toFixed(7)), lng });
const iso = (ms: number) => new Date(ms).toISOString();
const send = async (driver: string, fixes: readonly (Place & { readonly timestamp: number })[]) =>
  (await service.post(`/v1/drivers/${driver}/locations`, { fixes })).as(FixReceipt);
/** Around a place in the two minutes after PAST, unless said otherwise. */
const ask = (place: Place, more: object = {}, by = service) =>
  by.post('/v1/tracks/search', { ...place, from: PAST, to: PAST + 120_000, ...more });
const found = async (place: Place, more: object = {}, by = service) => (await ask(place, more, by)).as(TrackSearchResult);
const ids = async (...asked: Parameters<typeof found>) => (await found(...asked)).passes.map(({ driver }) => driver);

describe('POST /v1/tracks/search', () => {
  it('tells who passed: when, how often, and where each was nearest, as soon as it is stored [Q1 Q2]', async () => {
    const here = somewhere();
    const [passing, beside, away] = [unique('car'), unique('car'), unique('car')];
    const drive = [-500, -80, -25, 30, 90, 600].map((metres, n) => ({ ...north(here, metres), timestamp: PAST + n * 10_000 }));
    await send(passing, drive);
    await send(beside, [{ ...north(here, 10), timestamp: PAST + 60_000 }]);
    await send(away, [{ ...north(here, 101), timestamp: PAST + 60_000 }]);
    expect(await found(here)).toEqual({
      passes: [
        {
          driver: beside,
          first: iso(PAST + 60_000),
          last: iso(PAST + 60_000),
          fixes: 1,
          nearest: { ...north(here, 10), timestamp: iso(PAST + 60_000), distance: 10 },
        },
        {
          driver: passing,
          first: iso(PAST + 10_000),
          last: iso(PAST + 40_000),
          fixes: 4,
          nearest: { ...north(here, -25), timestamp: iso(PAST + 20_000), distance: 25 },
        },
      ],
      complete: true,
    });
    expect(await ids(here, { radius: 101.5 })).toEqual([beside, passing, away]);
    expect(await found(here, { limit: 1 })).toMatchObject({ passes: [{ driver: beside }], complete: false });
    expect(await ids(here, { drivers: [passing, away, 'unheard'] })).toEqual([passing]);
    expect(await ids(here, { from: iso(PAST + 10_000), to: iso(PAST + 10_000) })).toEqual([passing]);
    expect(await ids(here, { from: iso(PAST + 10_001), to: iso(PAST + 19_999) }), 'between two fixes').toEqual([]);
  });

  it('finds what came late, and not what was suspect [Q1 Q4]', async () => {
    const here = somewhere();
    const [late, jumping] = [unique('car'), unique('car')];
    await send(late, [{ ...north(here, 5_000), timestamp: PAST + 600_000 }]);
    await send(late, [{ ...here, timestamp: PAST }]);
    await send(late, [{ ...north(here, 20), timestamp: PAST - 3 * DAY_MS }]);
    await send(jumping, [{ ...north(here, 50_000), timestamp: PAST }]);
    expect(await send(jumping, [{ ...here, timestamp: PAST + 1_000 }])).toMatchObject({ stored: 1, suspect: 1 });
    expect(await ids(here)).toEqual([late]);
    expect(await ids(here, { from: PAST - 3 * DAY_MS, to: PAST - 1 })).toEqual([late]);
    expect(await found(here, { from: PAST - 3 * DAY_MS, to: PAST })).toMatchObject({ passes: [{ driver: late, fixes: 2 }] });
  });

  it('looks over the date line', async () => {
    const driver = unique('car');
    await send(driver, [{ lat: -17, lng: 179.9999, timestamp: PAST }]);
    const { passes } = await found({ lat: -17, lng: -179.9999 });
    expect(passes).toMatchObject([{ driver, nearest: { distance: 21.3 } }]);
  });

  it('takes latitude and longitude as well [K15]', async () => {
    const here = somewhere();
    const driver = unique('car');
    await send(driver, [{ ...here, timestamp: PAST }]);
    const { lat: latitude, lng: longitude } = here;
    const answer = await service.post('/v1/tracks/search', { latitude, longitude, from: PAST, to: PAST });
    expect(answer.as(TrackSearchResult).passes.map((pass) => pass.driver)).toEqual([driver]);
  });
});

describe('who may search [Q5]', () => {
  let here: Place;
  const [mine, other] = ['seen-mine', 'seen-other'];
  const as = async (...who: Parameters<TestServer['token']>) => caller(server, await server.token(...who));

  beforeAll(async () => {
    here = somewhere();
    for (const driver of [mine, other]) await send(driver, [{ ...here, timestamp: PAST }]);
  });

  it('staff, all of it', async () => {
    for (const role of ['dispatcher', 'admin', 'service'] as const) expect(await ids(here, {}, await as(role))).toEqual([mine, other]);
    expect(await ids(here, {}, await as('admin', 'a', { drivers: [mine] }))).toEqual([mine, other]);
  });

  it('staff with scopes, the drivers these name', async () => {
    const narrowed = await as('dispatcher', 'd', { drivers: [mine] });
    expect(await ids(here, {}, narrowed)).toEqual([mine]);
    expect(await ids(here, { drivers: [mine, other] }, narrowed)).toEqual([mine]);
    expect(await found(here, { drivers: [other] }, narrowed)).toEqual({ passes: [], complete: true });
    expect(await ids(here, {}, await as('service', 's', { trips: ['t'] }))).toEqual([]);
  });

  it.each(['driver', 'passenger', 'merchant'] as const)('not a %s, whatever its scopes name', async (role) => {
    (await ask(here, {}, await as(role, mine, { drivers: [mine] }))).problem('forbidden');
  });

  it('nobody without a token', async () => {
    (await ask(here, {}, caller(server))).problem('unauthenticated');
  });
});

describe('wrong questions are named [Q6]', () => {
  const good = { lat: 1, lng: 1, from: PAST, to: PAST };
  it.each<[object, string]>([
    [{ lat: undefined }, '/lat'],
    [{ lng: undefined }, '/lng'],
    [{ from: undefined }, '/from'],
    [{ to: undefined }, '/to'],
    [{ lat: 90.1 }, '/lat'],
    [{ lng: '1' }, '/lng'],
    [{ latitude: 2 }, '/latitude'],
    [{ radius: 0.9 }, '/radius'],
    [{ radius: 50_001 }, '/radius'],
    [{ radius: null }, '/radius'],
    [{ from: 'yesterday' }, '/from'],
    [{ from: '2026-01-05T08:00:00' }, '/from'],
    [{ from: '2026-02-30T08:00:00Z' }, '/from'],
    [{ to: -1 }, '/to'],
    [{ to: PAST - 1 }, '/to'],
    [{ to: PAST + 31 * DAY_MS + 1 }, '/to'],
    [{ limit: 0 }, '/limit'],
    [{ limit: 1_001 }, '/limit'],
    [{ limit: 1.5 }, '/limit'],
    [{ drivers: [] }, '/drivers'],
    [{ drivers: ['a b'] }, '/drivers/0'],
    [{ drivers: Array.from({ length: 101 }, (_, n) => `d${n}`) }, '/drivers'],
    [{ unheard: 1 }, '/unheard'],
  ])('%j', async (wrong, field) => {
    const answer = await service.post('/v1/tracks/search', { ...good, ...wrong });
    expect(answer.problem('bad_request').field).toBe(field);
  });

  it('and what is just within is taken', async () => {
    for (const more of [{ radius: 1 }, { radius: 50_000 }, { to: PAST + 31 * DAY_MS }, { limit: 1_000 }])
      await found({ lat: 1, lng: 1 }, more);
  });
});
