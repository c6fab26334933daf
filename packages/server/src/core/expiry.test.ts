import { describe, expect, it } from 'vitest';
import type { TickCommand } from './commands.ts';
import { nextTickAt } from './driver.ts';
import { adoption, at, fixes, road, stop, T0 } from './testing/samples.ts';
import { newTrip } from './trip.ts';

const END = T0 + 600_000;
const tick = (receivedAt: number): TickCommand => ({ kind: 'tick', driverId: 'd', receivedAt, reply: 0 });
const session = (id: string, expiresAt: number | null) =>
  newTrip(id, { kind: 'delivery', driverId: 'd', stops: [stop('to', 'dropoff', 0)], orderId: 'order-1' }, 'digest', T0, expiresAt);

describe('a trip with an end of its own [T10]', () => {
  it('is cancelled by the tick at its end, not before, and leaves the stops it had reached [G4]', () => {
    const { driver, take, drive } = road();
    take(adoption(session('t', END)));
    drive(at(1));
    expect(take(tick(END - 1)).events.filter((event) => 'tripId' in event)).toEqual([]);
    const { events, trips, published } = take(tick(END));
    expect(events.map(({ id }) => id)).toEqual(expect.arrayContaining(['t/status/CANCELLED', 't/to/departed']));
    expect(events.find(({ kind }) => kind === 'status')).toMatchObject({
      status: 'CANCELLED',
      at: END,
      by: { sub: 'waycast', role: 'service', via: 'expiry' },
    });
    expect([...trips]).toMatchObject([{ id: 't', status: 'CANCELLED', cancelledAt: END }]);
    expect(published.some(({ feed }) => feed === 'trip:t')).toBe(true);
    expect(driver.trips).toEqual([]);
    expect(take(tick(END + 1)).events).toEqual([]);
  });

  it('asks for a tick at its end, also when nobody has heard of its driver', () => {
    const { driver, take } = road();
    take(adoption(session('never', null)));
    expect(nextTickAt(driver)).toBeNull();
    take(adoption(session('t', END)));
    expect(nextTickAt(driver)).toBe(END);
    take(fixes([at(0)]));
    expect(nextTickAt(driver)).toBe(T0 + 60_000);
  });

  it('lets the others of its driver go on', () => {
    const { driver, take } = road();
    take(adoption(session('short', END)));
    take(adoption(session('long', END + 1)));
    take(tick(END));
    expect(driver.trips.map(({ trip }) => trip.id)).toEqual(['long']);
  });
});

describe('when a trip was last touched', () => {
  it('is the time of its last fix or change, whichever is later', () => {
    const { driver, take, drive } = road();
    take(adoption(session('t', null)));
    const [active] = driver.trips;
    expect(active?.trip.updatedAt).toBe(T0);
    drive(at(30));
    expect(active?.trip).toMatchObject({ updatedAt: T0 + 30_000, lastPoint: { at: T0 + 30_000 } });
    const by = { sub: 'd', role: 'driver', via: 'rest' };
    take({ kind: 'status', driverId: 'd', receivedAt: T0 + 40_000, reply: 0, tripId: 't', status: 'PICKED_UP', at: T0 + 40_000, by });
    expect(active?.trip.updatedAt).toBe(T0 + 40_000);
  });
});
