import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { Command } from '../../core/commands.ts';
import { type Log, type LogEntry, PARTITIONS } from '../ports.ts';
import { BY, outboxEntry, sampleTrip, T0 } from './samples.ts';

const START: readonly number[] = new Array(PARTITIONS).fill(0);

function command(driverId: string, n = 0): Command {
  return { kind: 'availability', driverId, receivedAt: T0 + n, reply: n, available: true };
}

async function received(log: Log, count: number, cursors = START): Promise<{ entries: LogEntry[]; all: () => Promise<void> }> {
  const entries: LogEntry[] = [];
  log.consume(cursors, (batch) => entries.push(...batch));
  return { entries, all: () => vi.waitFor(() => expect(entries.length).toBe(count), { interval: 1 }) };
}

/** `make` opens a log that takes so many waiting commands. */
export function logContract(name: string, make: (cap: number) => Log): void {
  describe(`${name} is a log`, () => {
    it('hands on what was appended, in order, counted from 1 in its partition [A1]', async () => {
      const log = make(100);
      const { entries, all } = await received(log, 4);
      log.append(3, command('a', 1));
      log.append(5, command('b', 2));
      log.append(3, command('a', 3));
      log.append(3, command('a', 4));
      await all();
      expect(entries.filter(({ partition }) => partition === 3).map(({ position, command: { reply } }) => [position, reply])).toEqual([
        [1, 1],
        [2, 3],
        [3, 4],
      ]);
      expect(entries.filter(({ partition }) => partition === 5).map(({ position }) => position)).toEqual([1]);
      expect(entries.every(({ appendedAt }) => appendedAt <= performance.now())).toBe(true);
    });

    it('goes on after the cursors it is given [A6]', async () => {
      const log = make(100);
      const { entries, all } = await received(log, 2, START.with(7, 41));
      log.append(7, command('a'));
      log.append(8, command('b'));
      await all();
      expect(entries.map(({ partition, position }) => [partition, position])).toEqual([
        [7, 42],
        [8, 1],
      ]);
    });

    it('does not hand on before append returns: the sender is told first', async () => {
      const log = make(100);
      const { entries, all } = await received(log, 1);
      log.append(0, command('a'));
      expect(entries).toEqual([]);
      await all();
    });

    it('takes what is appended while it hands on', async () => {
      const log = make(100);
      const positions: number[] = [];
      log.consume(START, (batch) => {
        for (const { position } of batch) {
          positions.push(position);
          if (position < 5) log.append(0, command('a'));
        }
      });
      log.append(0, command('a'));
      await vi.waitFor(() => expect(positions).toEqual([1, 2, 3, 4, 5]), { interval: 1 });
    });

    it('counts what is not stored yet, and forgets it when trimmed [A7]', async () => {
      const log = make(100);
      const { all } = await received(log, 3, START.with(2, 10));
      for (let n = 0; n < 3; n++) log.append(2, command('a', n));
      expect(log.backlog()).toBe(3);
      await all();
      expect(log.backlog()).toBe(3);
      log.trim(2, 12);
      expect(log.backlog()).toBe(1);
      log.trim(2, 13);
      expect(log.backlog()).toBe(0);
    });

    it('refuses by name when too much waits, and takes again once some is stored [A7]', async () => {
      const log = make(3);
      const { all } = await received(log, 4);
      for (let n = 0; n < 3; n++) {
        expect(log.isFull()).toBe(false);
        log.append(0, command('a', n));
      }
      expect(log.isFull()).toBe(true);
      expect(() => log.append(1, command('b'))).toThrow(
        expect.objectContaining({ code: 'storage_unavailable', retryAfter: expect.any(Number) }),
      );
      expect(log.backlog()).toBe(3);
      log.trim(0, 1);
      log.append(1, command('b'));
      await all();
    });

    it('never refuses what the server itself decided [A7]', async () => {
      const log = make(1);
      const { entries, all } = await received(log, 3);
      log.append(0, command('a'));
      log.append(0, { kind: 'tick', driverId: 'a', receivedAt: T0, reply: 0 });
      const { trip, previous } = outboxEntry(sampleTrip('t'));
      log.append(0, { kind: 'adopt', driverId: 'a', receivedAt: T0, reply: 0, trip, previous, by: BY, at: T0, entry: 'x' });
      await all();
      expect(entries.map(({ position }) => position)).toEqual([1, 2, 3]);
    });

    it('loses, doubles and swaps nothing, however appends and turns fall [A6]', async () => {
      await fc.assert(
        fc.asyncProperty(fc.array(fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 20 }), { maxLength: 8 }), async (turns) => {
          const log = make(1_000);
          const sent = turns.flat();
          const { entries, all } = await received(log, sent.length);
          let n = 0;
          for (const turn of turns) {
            for (const partition of turn) log.append(partition, command('a', n++));
            await new Promise<void>((resolve) => setImmediate(resolve));
          }
          await all();
          for (let partition = 0; partition < 4; partition++) {
            const mine = entries.filter((entry) => entry.partition === partition);
            expect(mine.map(({ position }) => position)).toEqual(mine.map((_, i) => i + 1));
            expect(mine.map(({ command: { reply } }) => reply)).toEqual(sent.flatMap((one, i) => (one === partition ? [i] : [])));
          }
        }),
        { numRuns: 30 },
      );
    });
  });
}
