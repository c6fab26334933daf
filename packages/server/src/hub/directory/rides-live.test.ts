import { describe, expect, it } from 'vitest';
import { startOutsideServices } from '../../../../../test/support/outside-services.ts';
import type { Delivery } from '../delivery.ts';
import { ADMIN, found, hubsOverServices, soon, told } from './testing/directory-hub.ts';
import { booking, ride } from './testing/outside-bodies.ts';

const { services, hubWith, onTestEnd } = hubsOverServices();

describe('while a service is down', () => {
  const UNAVAILABLE = { code: 'directory_unavailable', retryAfter: expect.any(Number) };

  it('what was asked for lately answers; after 30 s nobody new comes in, and the trip stays [X7]', async () => {
    const mortal = await startOutsideServices();
    onTestEnd(() => mortal.stop());
    const { hub, clock, id } = await hubWith({ at: mortal });
    await mortal.ride(ride(id));
    const trip = await found(hub, id);
    await mortal.kill();
    clock.pass(29_999);
    expect(await found(hub, id)).toEqual(trip);
    clock.pass(1);
    await expect(hub.rides.find(id)).rejects.toMatchObject(UNAVAILABLE);
    expect((await hub.trips.find(ADMIN, id)).trip).toEqual(trip);
    await expect(hub.rides.find(`${id}-new`)).rejects.toMatchObject(UNAVAILABLE);
  });

  it('an answer that makes no sense is no answer, and no trip', async () => {
    const { hub, id, warned } = await hubWith();
    await services().send('ride', id, { ...ride(id), driver_id: { $ne: null } });
    await expect(hub.rides.find(id)).rejects.toMatchObject(UNAVAILABLE);
    expect(warned).toEqual([expect.stringMatching(/ride service .*\/driver_id/)]);
    await expect(hub.trips.find(ADMIN, id)).rejects.toMatchObject({ code: 'not_found' });
  });
});

describe('a ride that somebody watches', () => {
  async function watched() {
    const place = await hubWith();
    const { hub, bus, id } = place;
    await services().ride(ride(id));
    await services().bookings(id, [booking(id, '1', { status: 'pending' })]);
    await found(hub, id);
    const happened: string[] = [];
    bus.listen((delivery: Delivery) => {
      if (delivery.type === 'event' && delivery.feed === `trip:${id}`) happened.push(delivery.event.kind);
    });
    bus.join(`trip:${id}`);
    hub.rides.watch(id);
    await soon(async () => expect((await hub.trips.find(ADMIN, id)).active).not.toBeNull());
    services().forget();
    happened.length = 0;
    const trip = async () => (await hub.trips.find(ADMIN, id)).trip;
    // A find has its turn after the refresh: then that is over, and the next one is set.
    const refreshed = () => hub.rides.find(id);
    return { ...place, happened, trip, refreshed };
  }

  it('follows a booking within 30 s, without anybody asking [X6]', async () => {
    const { clock, id, happened, trip, refreshed } = await watched();
    await services().bookings(id, [booking(id, '1')]);
    clock.pass(20_000);
    expect(services().asked()).toEqual([]);
    clock.pass(8_000);
    await soon(async () => expect(told((await trip()).stops)[0]).toBe('b.1.p:approved'));
    expect(happened).toEqual(['changed']);
    await refreshed();
    await services().bookings(id, [booking(id, '1', { status: 'cancelled' })]);
    clock.pass(28_000);
    await soon(async () => expect(told((await trip()).stops)[0]).toBe('b.1.p:cancelled'));
  });

  it('follows a change of its driver within 30 s [X6]', async () => {
    const { clock, id, happened, trip } = await watched();
    await services().ride(ride(id, { driver_id: 'd-2' }));
    clock.pass(28_000);
    await soon(async () => expect(await trip()).toMatchObject({ driverId: 'd-2' }));
    await soon(() => expect(happened).toContain('assignment'));
  });

  it('follows its end [X6]', async () => {
    const { clock, id, happened, trip } = await watched();
    await services().ride(ride(id, { status: 'cancelled' }));
    clock.pass(28_000);
    await soon(async () => expect(await trip()).toMatchObject({ status: 'CANCELLED' }));
    expect(happened).toContain('status');
  });

  it('is asked for as long as one of them watches, and no longer', async () => {
    const { hub, clock, id } = await watched();
    hub.rides.watch(id);
    hub.rides.unwatch(id);
    clock.pass(28_000);
    await soon(() => expect(services().asked()).toHaveLength(2));
    hub.rides.unwatch(id);
    hub.rides.unwatch(id);
    for (let n = 0; n < 10; n++) clock.pass(28_000);
    // Whatever these would have asked for was asked before this.
    await hub.rides.find(`${id}-other`);
    expect(
      services()
        .asked()
        .filter(({ url }) => url.endsWith(id)),
    ).toHaveLength(2);
  });

  it('stays as it is while the services are down, and follows them when they are back [X7]', async () => {
    const { clock, id, trip } = await watched();
    const before = await trip();
    for (const name of ['ride', 'booking'] as const) await services().behave(name, { kind: 'status', status: 400 });
    await services().bookings(id, [booking(id, '1')]);
    clock.pass(28_000);
    await soon(() => expect(services().asked()).toHaveLength(2));
    await soon(() => {
      clock.pass(1_000);
      expect(services().asked().length).toBeGreaterThanOrEqual(3);
    });
    expect(await trip()).toEqual(before);
    for (const name of ['ride', 'booking'] as const) await services().behave(name, { kind: 'well' });
    await soon(async () => {
      clock.pass(2_000);
      expect(told((await trip()).stops)[0]).toBe('b.1.p:approved');
    });
  });

  it('follows the one service while the other is down; the one that answers is not asked more for it [X7]', async () => {
    const { clock, id, trip, refreshed } = await watched();
    await services().behave('ride', { kind: 'status', status: 400 });
    await services().bookings(id, [booking(id, '1')]);
    clock.pass(28_000);
    await soon(async () => expect(told((await trip()).stops)[0]).toBe('b.1.p:approved'));
    await refreshed();
    expect(services().asked('ride')).toHaveLength(1);
    clock.pass(7_000);
    await soon(() => expect(services().asked('ride').length).toBeGreaterThanOrEqual(2));
    expect(services().asked('booking')).toHaveLength(1);
  });
});
