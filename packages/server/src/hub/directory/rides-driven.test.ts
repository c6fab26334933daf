import { describe, expect, it } from 'vitest';
import { ADMIN, found, type HubPlace, hubsOverServices, LATER, soon } from './testing/directory-hub.ts';
import { booking, HOME, ride } from './testing/outside-bodies.ts';

const { services, hubWith } = hubsOverServices();
const FAR = { lat: 38, lng: -121 };

/** Two rides of one driver with a passenger each, found once and looked at by nobody since. */
async function twoRides() {
  const place = await hubWith();
  const { hub, clock, id } = place;
  const other = `${id}-other`;
  for (const one of [id, other]) {
    await services().ride(ride(one));
    await services().bookings(one, [booking(one, '1')]);
    await found(hub, one);
    await soon(async () => expect((await hub.trips.find(ADMIN, one)).active).not.toBeNull());
  }
  const drive = (at: { lat: number; lng: number }) => hub.ingest.batch(ADMIN, 'd-1', [{ ...at, timestamp: clock.now() }], false);
  const trip = async (one = id) => (await hub.trips.find(ADMIN, one)).trip;
  services().forget();
  return { ...place, other, drive, trip };
}

async function endOutside({ id, other }: Pick<HubPlace, 'id'> & { readonly other: string }): Promise<void> {
  await services().ride(ride(id, { status: 'completed' }));
  await services().ride(ride(other, { driver_id: 'd-2' }));
}

const askedRides = () =>
  services()
    .asked('ride')
    .map(({ url }) => url.split('/').at(-1))
    .toSorted();

describe('a ride that nobody watches', () => {
  it('follows the services within 30 s while its driver is heard of: where it goes then counts no more [X6]', async () => {
    const place = await twoRides();
    const { clock, other, drive, trip } = place;
    await drive(FAR);
    await endOutside(place);
    clock.pass(28_000);
    await soon(async () => expect((await trip()).status).toBe('COMPLETED'));
    await soon(async () => expect((await trip(other)).driverId).toBe('d-2'));
    await drive(HOME);
    for (const one of [await trip(), await trip(other)]) expect(one.stops.map((stop) => stop.arrivedAt)).not.toContain(clock.now());
  });

  it('is asked for again and again, and no more once it has ended or its driver is offline [X6]', async () => {
    const { hub, clock, id, other, drive, trip } = await twoRides();
    await drive(FAR);
    clock.pass(28_000);
    await soon(() => expect(askedRides()).toEqual([id, other]));
    await drive(FAR);
    await services().ride(ride(other, { status: 'cancelled' }));
    await hub.rides.find(id);
    clock.pass(28_000);
    await soon(async () => expect((await trip(other)).status).toBe('CANCELLED'));
    await soon(() => expect(askedRides()).toEqual([id, id, other, other]));
    await drive(FAR);
    await hub.rides.find(id);
    clock.pass(28_000);
    await soon(() => expect(askedRides()).toEqual([id, id, id, other, other]));
    await hub.drivers.goOffline(ADMIN, 'd-1');
    clock.pass(120_000);
    // Whatever that would have asked for was asked before this.
    await hub.rides.find(`${id}-third`);
    expect(askedRides()).toEqual([id, id, id, `${id}-third`, other, other].toSorted());
  });

  it('is asked for at once when its driver is heard of after a long time [X6]', async () => {
    const place = await twoRides();
    const { clock, other, drive, trip } = place;
    clock.pass(600_000);
    expect(askedRides(), 'nobody drives').toEqual([]);
    await endOutside(place);
    await drive(FAR);
    clock.pass(3_000);
    await soon(async () => expect((await trip()).status).toBe('COMPLETED'));
    await soon(async () => expect((await trip(other)).driverId).toBe('d-2'));
  });

  it('has followed before a socket of its driver opens, for whatever ride that is [X6]', async () => {
    const place = await twoRides();
    const { hub, clock, id, other, trip } = place;
    await endOutside(place);
    await hub.rides.catchUp('d-1');
    expect(askedRides(), 'an answer holds').toEqual([]);
    clock.pass(LATER);
    await hub.rides.catchUp('d-1');
    expect(await trip()).toMatchObject({ status: 'COMPLETED' });
    expect(await trip(other)).toMatchObject({ driverId: 'd-2' });
    expect(askedRides()).toEqual([id, other]);
  });

  it('keeps no driver out while the services are down [X6 X7]', async () => {
    const { hub, clock, id, trip, warned } = await twoRides();
    await services().behave('ride', { kind: 'status', status: 400 });
    clock.pass(LATER);
    await hub.rides.catchUp('d-1');
    expect(await trip()).toMatchObject({ id, driverId: 'd-1', status: 'PENDING' });
    expect(warned.filter((line) => line.includes('brought in line'))).toEqual([]);
  });
});
