import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { DriverView, FixReceipt, Track, TripHistory, TripView } from '../packages/protocol/src/index.ts';
import { north, PAST, ride, unique } from './support/places.ts';
import { type Caller, caller } from './support/rest.ts';
import { startServer, type TestServer } from './support/server.ts';

let server: TestServer;
let staff: Caller;
let service: Caller;

beforeAll(async () => {
  server = await startServer({ env: { REST_RATE_LIMIT_PER_MINUTE: '1000000', LOCATION_UPDATE_RATE_LIMIT: '0' } });
  staff = caller(server, await server.token('dispatcher', 'dora'));
  service = caller(server, await server.token('service', 'ship'));
});

afterAll(() => server.stop());

const create = async (more: object): Promise<string> => (await staff.post('/v1/trips', ride({ at: PAST, ...more }))).as(TripView, 201).id;
const trip = async (id: string): Promise<TripView> => (await staff.get(`/v1/trips/${id}`)).as(TripView);
const give = async (id: string, driverId: string | null, minute: number) =>
  (await staff.patch(`/v1/trips/${id}`, { driverId, at: PAST + minute * 60_000 })).as(TripView);
const driven = async (id: string): Promise<string[]> => (await staff.get(`/v1/drivers/${id}`)).as(DriverView).trips;
const start = async (id: string) => (await staff.post(`/v1/trips/${id}/status`, { status: 'EN_ROUTE', at: PAST })).as(TripView);

/** A fix so many metres north of the centre, so many minutes after PAST. */
async function fix(driver: string, metres: number, minute: number): Promise<void> {
  const sent = await service.post(`/v1/drivers/${driver}/locations`, { ...north(metres), timestamp: PAST + minute * 60_000 });
  expect(sent.as(FixReceipt)).toMatchObject({ stored: 1, suspect: 0 });
}

describe('giving a trip to a driver', () => {
  it('makes later fixes of the driver count for it [F11]', async () => {
    const [id, driver] = [await create({}), unique('driver')];
    await fix(driver, -3_000, 1);
    expect(await give(id, driver, 1.5)).toMatchObject({ driverId: driver, status: 'PENDING', distance: 0 });
    expect(await driven(driver)).toEqual([id]);
    await fix(driver, -2_000, 2);
    await fix(driver, -1_500, 3);
    expect((await trip(id)).distance).toBeCloseTo(500, 0);
  });

  it('takes a trip back from its driver: later fixes count for nobody [T7]', async () => {
    const driver = unique('driver');
    const id = await create({ driverId: driver });
    await fix(driver, -3_000, 1);
    await fix(driver, -2_000, 2);
    expect(await give(id, null, 2.5)).toMatchObject({ driverId: null });
    await fix(driver, -1_000, 3);
    expect((await trip(id)).distance).toBeCloseTo(1_000, 0);
    expect(await driven(driver)).toEqual([]);
  });

  it('counts a fix for every open trip of the driver, and for none that ended [F11]', async () => {
    const driver = unique('driver');
    const [one, two, over] = [await create({ driverId: driver }), await create({ driverId: driver }), await create({ driverId: driver })];
    await staff.post(`/v1/trips/${over}/status`, { status: 'CANCELLED' });
    await fix(driver, -3_000, 1);
    await fix(driver, -2_500, 2);
    for (const [id, metres] of [
      [one, 500],
      [two, 500],
      [over, 0],
    ] as const)
      expect((await trip(id)).distance).toBeCloseTo(metres, 0);
    expect((await driven(driver)).toSorted()).toEqual([one, two].toSorted());
  });
});

describe('giving a started trip to another driver', () => {
  it('takes status, progress and distance along; only fixes of the new one count; the leg between does not [T7 T8]', async () => {
    const [first, second] = [unique('driver'), unique('driver')];
    const id = await create({ driverId: first });
    await start(id);
    await fix(first, -1_000, 1);
    await fix(first, -50, 2);
    const before = await trip(id);
    expect(before.distance).toBeCloseTo(950, 0);
    expect(before.stops[0]?.arrivedAt).toBe(new Date(PAST + 120_000).toISOString());

    await fix(second, 2_000, 3);
    const after = await give(id, second, 3.5);
    expect(after).toMatchObject({ driverId: second, status: 'EN_ROUTE', distance: before.distance, startedAt: before.startedAt });
    expect(after.stops).toEqual(before.stops);
    expect([await driven(first), await driven(second)]).toEqual([[], [id]]);

    await fix(first, 700, 4);
    expect((await trip(id)).distance).toBe(before.distance);
    await fix(second, 2_500, 5);
    await fix(second, 3_000, 6);
    expect((await trip(id)).distance, 'the leg from one driver to the next does not count').toBeCloseTo(950 + 500, 0);
    expect((await trip(id)).stops[0]?.departedAt, 'two fixes in a row beyond, by the new driver [G4]').toBe(
      new Date(PAST + 360_000).toISOString(),
    );

    const { events } = (await staff.get(`/v1/trips/${id}/history`)).as(TripHistory);
    const given = events.flatMap((event) => (event.kind === 'assignment' ? [[event.previous, event.driverId]] : []));
    expect(given).toEqual([
      [null, first],
      [first, second],
    ]);
    const { points } = (await staff.get(`/v1/trips/${id}/track`)).as(Track);
    expect(points.map(({ lat }) => lat)).toEqual([-1_000, -50, 2_500, 3_000].map((metres) => expect.closeTo(north(metres).lat, 6)));
  });

  it('lets the first driver do nothing with it any more, and the second everything [S2 S6]', async () => {
    const [first, second] = [unique('driver'), unique('driver')];
    const id = await create({ driverId: first });
    const [one, two] = [caller(server, await server.token('driver', first)), caller(server, await server.token('driver', second))];
    (await two.get(`/v1/trips/${id}`)).problem('not_found');
    await give(id, second, 1);
    (await one.get(`/v1/trips/${id}`)).problem('not_found');
    (await one.post(`/v1/trips/${id}/status`, { status: 'EN_ROUTE' })).problem('not_found');
    expect((await two.post(`/v1/trips/${id}/status`, { status: 'EN_ROUTE' })).as(TripView).status).toBe('EN_ROUTE');
  });

  it('goes there and back again, progress and distance with it [T7]', async () => {
    const [first, second] = [unique('driver'), unique('driver')];
    const id = await create({ driverId: first });
    await start(id);
    await fix(first, -2_000, 1);
    await fix(first, -1_800, 2);
    await give(id, second, 2.5);
    await fix(second, 90, 3);
    await fix(second, 300, 4);
    await give(id, first, 4.5);
    await fix(second, 600, 5);
    await fix(first, 1_000, 30);
    await fix(first, 1_400, 31);
    const back = await trip(id);
    expect(back.distance).toBeCloseTo(200 + 210 + 400, 0);
    expect(back).toMatchObject({ driverId: first, status: 'EN_ROUTE' });
    expect(back.stops[0]?.arrivedAt, 'by the second driver').toBe(new Date(PAST + 180_000).toISOString());
  });

  it('ends up with one driver when two dispatchers give it away at once [T7]', async () => {
    const id = await create({ driverId: unique('driver') });
    const rivals = Array.from({ length: 6 }, () => unique('driver'));
    const answers = await Promise.all(rivals.map((driverId) => staff.patch(`/v1/trips/${id}`, { driverId })));
    for (const answer of answers) if (answer.status !== 200) answer.problem('revision_conflict');
    const { driverId } = await trip(id);
    expect(rivals).toContain(driverId);
    for (const rival of rivals) {
      const known = await staff.get(`/v1/drivers/${rival}`);
      if (known.status !== 404) expect(known.as(DriverView).trips).toEqual(rival === driverId ? [id] : []);
    }
  });

  it('is the same trip when it is given to the driver it has', async () => {
    const driver = unique('driver');
    const id = await create({ driverId: driver });
    expect(await give(id, driver, 1)).toMatchObject({ driverId: driver });
    const { events } = (await staff.get(`/v1/trips/${id}/history`)).as(TripHistory);
    expect(events.filter((event) => event.kind === 'assignment')).toHaveLength(1);
  });

  it('does not change who drove a trip that ended', async () => {
    const driver = unique('driver');
    const id = await create({ driverId: driver });
    await staff.post(`/v1/trips/${id}/status`, { status: 'CANCELLED' });
    (await staff.patch(`/v1/trips/${id}`, { driverId: unique('driver') })).problem('trip_closed');
    expect((await trip(id)).driverId).toBe(driver);
  });

  it('keeps what it has when it ends right after it was given away [T7 G4]', async () => {
    const [first, second] = [unique('driver'), unique('driver')];
    const id = await create({ driverId: first });
    await start(id);
    await fix(first, -600, 1);
    await fix(first, -10, 2);
    await give(id, second, 2.5);
    const ended = (await staff.post(`/v1/trips/${id}/status`, { status: 'CANCELLED', at: PAST + 600_000 })).as(TripView);
    expect(ended.distance).toBeCloseTo(590, 0);
    expect(ended.stops[0]?.departedAt, 'the end of the trip is a departure').toBe(new Date(PAST + 600_000).toISOString());
    expect(await driven(first)).toEqual([]);
  });
});
