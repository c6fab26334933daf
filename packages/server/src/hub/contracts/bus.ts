import { describe, expect, it, vi } from 'vitest';
import type { Delivery } from '../delivery.ts';
import type { Bus } from '../ports.ts';
import { happening, location, sampleTrip, T0 } from './samples.ts';

const trip = sampleTrip('t');

/** One of each. `process:1` is whoever listens. */
export const EVERY_KIND: readonly Delivery[] = [
  { ...location('trip:t', 'e', 1), plan: { kind: 'ride', stops: [{ id: 's1', partyId: null, lat: 1.25, lng: -2.5, beyond: 0 }] } },
  { ...happening('trip:t', 'e', 2), trip },
  { type: 'snapshot', feed: 'trip:t', epoch: 'e', seq: 2, trip, driver: null, location: null, etas: [] },
  { type: 'fleet', feed: 'fleet', full: false, home: 1, number: 4, rows: [], gone: ['d'] },
  { type: 'fleet-event', feed: 'fleet', event: { id: 'd/online/1', kind: 'online', driverId: 'd', at: T0 }, trip: null },
  { type: 'attendance', feed: 'room:r', room: 'r', count: 3 },
  { type: 'seat', feed: 'seat:s', number: 7 },
  { type: 'person', feed: 'party:p', tripId: 't' },
  { type: 'removed', feed: 'trip:t' },
  { type: 'telling', feed: 'process:1', telling: { kind: 'stored', sender: 3, driverId: 'd', stream: 's', upTo: 9 } },
];

export function busContract(name: string, make: () => Promise<Bus>): void {
  describe(`${name} is a bus`, () => {
    async function listening(): Promise<{ bus: Bus; got: Delivery[] }> {
      const bus = await make();
      const got: Delivery[] = [];
      bus.listen(
        (delivery) => got.push(delivery),
        () => undefined,
      );
      return { bus, got };
    }

    it('delivers what was joined, in the order it was published, whole [O1]', async () => {
      const { bus, got } = await listening();
      bus.join('driver:d');
      const sent = [location('driver:d', 'e', 1), happening('driver:d', 'e', 2), location('driver:d', 'e', 3)];
      for (const one of sent) bus.publish(one);
      await vi.waitFor(() => expect(got).toEqual(sent));
    });

    it('delivers each once, however often its feed was joined', async () => {
      const { bus, got } = await listening();
      bus.join('driver:d');
      bus.join('driver:d');
      bus.publish(location('driver:d', 'e', 1));
      await vi.waitFor(() => expect(got).toHaveLength(1));
    });

    it('delivers nothing of feeds that were not joined, or were left [S5]', async () => {
      const { bus, got } = await listening();
      bus.join('trip:t');
      bus.join('driver:d');
      bus.publish(location('driver:other', 'e', 1));
      bus.leave('driver:d');
      bus.publish(location('driver:d', 'e', 1));
      const last = location('trip:t', 'e', 1);
      bus.publish(last);
      await vi.waitFor(() => expect(got).toEqual([last]));
      bus.leave('never joined');
    });

    it('delivers every kind of thing that travels, whole', async () => {
      const { bus, got } = await listening();
      for (const one of EVERY_KIND) bus.join(one.feed);
      for (const one of EVERY_KIND) bus.publish(one);
      await vi.waitFor(() => expect(got).toEqual(EVERY_KIND));
    });

    it('has nothing to do while nobody listens', async () => {
      const bus = await make();
      bus.join('driver:d');
      expect(() => bus.publish(location('driver:d', 'e', 1))).not.toThrow();
    });
  });
}
