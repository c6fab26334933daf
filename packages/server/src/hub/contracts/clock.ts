import { describe, expect, it, vi } from 'vitest';
import type { Clock } from '../ports.ts';

/** A clock, and how time passes on it: at least so many ms. */
export interface ClockPlace {
  readonly clock: Clock;
  pass(ms: number): Promise<void>;
}

export function clockContract(name: string, make: () => ClockPlace): void {
  describe(`${name} is a clock`, () => {
    it('tells epoch ms, whole ones, and goes on [F2]', async () => {
      const { clock, pass } = make();
      const before = clock.now();
      expect(Number.isSafeInteger(before)).toBe(true);
      expect(before).toBeGreaterThan(Date.UTC(2020, 0));
      await pass(20);
      expect(clock.now() - before).toBeGreaterThanOrEqual(20);
    });

    it('does a task again and again until it is stopped; stopping twice is safe [O4, D2]', async () => {
      const { clock, pass } = make();
      let stopped = 0;
      let other = 0;
      const stop = clock.every(5, () => stopped++);
      const stopOther = clock.every(5, () => other++);
      await pass(40);
      await vi.waitFor(() => expect(stopped).toBeGreaterThanOrEqual(3));
      stop();
      stop();
      const [before, otherBefore] = [stopped, other];
      await pass(40);
      await vi.waitFor(() => expect(other).toBeGreaterThanOrEqual(otherBefore + 3));
      expect(stopped).toBe(before);
      stopOther();
    });

    it('does nothing before its time', () => {
      const { clock } = make();
      let done = 0;
      const stop = clock.every(60_000, () => done++);
      expect(done).toBe(0);
      stop();
    });
  });
}
