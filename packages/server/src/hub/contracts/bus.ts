import { describe, expect, it, vi } from 'vitest';
import type { Delivery } from '../delivery.ts';
import type { Bus } from '../ports.ts';
import { happening, location } from './samples.ts';

export function busContract(name: string, make: () => Bus): void {
  describe(`${name} is a bus`, () => {
    function listening(): { bus: Bus; got: Delivery[] } {
      const bus = make();
      const got: Delivery[] = [];
      bus.listen((delivery) => got.push(delivery));
      return { bus, got };
    }

    it('delivers what was joined, in the order it was published, whole [O1]', async () => {
      const { bus, got } = listening();
      bus.join('driver:d');
      const sent = [location('driver:d', 'e', 1), happening('driver:d', 'e', 2), location('driver:d', 'e', 3)];
      for (const one of sent) bus.publish(one);
      await vi.waitFor(() => expect(got).toEqual(sent));
    });

    it('delivers each once, however often its feed was joined', async () => {
      const { bus, got } = listening();
      bus.join('driver:d');
      bus.join('driver:d');
      bus.publish(location('driver:d', 'e', 1));
      await vi.waitFor(() => expect(got).toHaveLength(1));
    });

    it('delivers nothing of feeds that were not joined, or were left [S5]', async () => {
      const { bus, got } = listening();
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

    it('has nothing to do while nobody listens', () => {
      const bus = make();
      bus.join('driver:d');
      expect(() => bus.publish(location('driver:d', 'e', 1))).not.toThrow();
    });
  });
}
