import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import type { Command } from '../../core/commands.ts';
import type { Log, LogEntry } from '../ports.ts';
import { BY, outboxEntry, sampleTrip, T0 } from './samples.ts';

function command(driverId: string, n = 0): Command {
  return { kind: 'availability', driverId, receivedAt: T0 + n, reply: n, available: true };
}

const SOON = { interval: 1, timeout: 10_000 };

/** A consumer of these partitions, each opened after 0 unless told otherwise. */
function consumer(log: Log, partitions: readonly number[], after = 0) {
  const entries: LogEntry[] = [];
  log.consume((batch) => entries.push(...batch));
  for (const partition of partitions) log.open(partition, after);
  const of = (partition: number) => entries.filter((entry) => entry.partition === partition);
  const replies = (partition: number) => of(partition).map((entry) => entry.command.reply);
  return { entries, of, replies, all: (count: number) => vi.waitFor(() => expect(entries.length).toBe(count), SOON) };
}

function expectGrowing(positions: readonly number[], above = 0): void {
  for (let i = 0; i < positions.length; i++) {
    expect(Number.isSafeInteger(positions[i])).toBe(true);
    expect(positions[i]).toBeGreaterThan(positions[i - 1] ?? above);
  }
}

/** `make` opens a log that nobody else has, and that takes so many waiting commands in a partition. */
export function logContract(name: string, make: (cap: number) => Promise<Log>): void {
  describe(`${name} is a log`, () => {
    it('hands on what was appended, in order, by growing positions [A1]', async () => {
      const log = await make(100);
      const { entries, of, replies, all } = consumer(log, [3, 5]);
      log.append(3, command('a', 1));
      log.append(5, command('b', 2));
      log.append(3, command('a', 3));
      log.append(3, command('a', 4));
      await all(4);
      expect(replies(3)).toEqual([1, 3, 4]);
      expect(of(5).map((entry) => entry.command)).toEqual([command('b', 2)]);
      expectGrowing(of(3).map(({ position }) => position));
      expect(entries.every(({ appendedAt }) => appendedAt <= performance.now())).toBe(true);
    });

    it('goes on after the cursor a partition is opened with [A6]', async () => {
      const log = await make(100);
      const { of, all } = consumer(log, [8]);
      log.open(7, 41);
      log.append(7, command('a'));
      log.append(8, command('b'));
      await all(2);
      expectGrowing(
        of(7).map(({ position }) => position),
        41,
      );
    });

    it('does not hand on before append returns: the sender is told first', async () => {
      const log = await make(100);
      const { entries, all } = consumer(log, [0]);
      log.append(0, command('a'));
      expect(entries).toEqual([]);
      await all(1);
    });

    it('takes what is appended while it hands on', async () => {
      const log = await make(100);
      const replies: number[] = [];
      log.consume((batch) => {
        for (const entry of batch) {
          replies.push(entry.command.reply);
          if (entry.command.reply < 5) log.append(0, command('a', entry.command.reply + 1));
        }
      });
      log.open(0, 0);
      log.append(0, command('a', 1));
      await vi.waitFor(() => expect(replies).toEqual([1, 2, 3, 4, 5]), SOON);
    });

    it('hands on nothing of a partition that is not open, and all of it once it is [P2]', async () => {
      const log = await make(100);
      const { replies, all } = consumer(log, [1]);
      for (let n = 0; n < 3; n++) log.append(2, command('a', n));
      log.append(1, command('b', 9));
      await all(1);
      expect(replies(2)).toEqual([]);
      log.open(2, 0);
      await all(4);
      expect(replies(2)).toEqual([0, 1, 2]);
      log.close(60);
    });

    it('hands on nothing any more once close has returned, and goes on exactly where it is opened again [P2]', async () => {
      const log = await make(1_000);
      const { entries, of, all } = consumer(log, [2, 3]);
      for (let n = 0; n < 10; n++) log.append(2, command('a', n));
      await all(10);
      for (let n = 10; n < 20; n++) log.append(2, command('a', n));
      log.close(2);
      const seen = entries.length;
      log.append(2, command('a', 20));
      log.append(3, command('b'));
      await vi.waitFor(() => expect(of(3)).toHaveLength(1), SOON);
      expect(of(2)).toHaveLength(seen);
      const last = of(2).at(-1)?.position ?? 0;
      log.open(2, last);
      await vi.waitFor(() => expect(of(2).map(({ command: { reply } }) => reply)).toEqual(Array.from({ length: 21 }, (_, n) => n)), SOON);
    });

    it('begins anew after whatever position it is opened with, until that is trimmed [P2]', async () => {
      const log = await make(100);
      const { entries, of, all } = consumer(log, [4]);
      for (let n = 0; n < 6; n++) log.append(4, command('a', n));
      await all(6);
      const positions = of(4).map(({ position }) => position);
      log.trim(4, positions[1] as number);
      entries.length = 0;
      log.open(4, positions[2] as number);
      await all(3);
      expect(of(4).map(({ position }) => position)).toEqual(positions.slice(3));
      entries.length = 0;
      log.open(4, positions[1] as number);
      await all(4);
      expect(of(4).map(({ position, command: { reply } }) => [position, reply])).toEqual(positions.slice(2).map((at, i) => [at, i + 2]));
      log.append(4, command('a', 6));
      await all(5);
    });

    it('counts what is not stored yet, and forgets it when trimmed [A7]', async () => {
      const log = await make(100);
      const { of, all } = consumer(log, [2]);
      for (let n = 0; n < 3; n++) log.append(2, command('a', n));
      expect(log.backlog()).toBe(3);
      expect(log.held()).toBe(3);
      await all(3);
      expect(log.backlog()).toBe(3);
      await vi.waitFor(() => expect(log.held()).toBe(0), SOON);
      log.trim(2, of(2)[1]?.position as number);
      await vi.waitFor(() => expect(log.backlog()).toBe(1), SOON);
      log.trim(2, of(2)[2]?.position as number);
      log.trim(2, of(2)[0]?.position as number);
      await vi.waitFor(() => expect(log.backlog()).toBe(0), SOON);
    });

    it('refuses by name when too much waits, and takes again once some is stored [A7, P5]', async () => {
      const log = await make(3);
      const { of, all } = consumer(log, [0]);
      for (let n = 0; n < 3; n++) {
        expect([log.problem(), log.problem(0)]).toEqual([null, null]);
        log.append(0, command('a', n));
      }
      expect(log.problem(0)).toMatch(/3 .*commands wait/);
      const refused = expect.objectContaining({ code: 'storage_unavailable', retryAfter: 5 });
      expect(() => log.append(0, command('b'))).toThrow(refused);
      await all(3);
      expect(() => log.append(0, command('b'))).toThrow(refused);
      expect(log.backlog()).toBe(3);
      log.trim(0, of(0)[0]?.position as number);
      await vi.waitFor(() => expect([log.problem(), log.problem(0)]).toEqual([null, null]), SOON);
      log.append(0, command('b'));
      await all(4);
    });

    it('never refuses what the server itself decided [A7]', async () => {
      const log = await make(1);
      const { entries, all } = consumer(log, [0]);
      log.append(0, command('a'));
      log.append(0, { kind: 'tick', driverId: 'a', receivedAt: T0, reply: 0 });
      const { trip, previous } = outboxEntry(sampleTrip('t'));
      log.append(0, { kind: 'adopt', driverId: 'a', receivedAt: T0, reply: 0, trip, previous, by: BY, at: T0, entry: 'x' });
      await all(3);
      expect(entries.map((entry) => entry.command.kind)).toEqual(['availability', 'tick', 'adopt']);
    });

    it('loses, doubles and swaps nothing, however appends, turns and owners fall [A6, P4]', async () => {
      const step = fc.oneof(
        { weight: 8, arbitrary: fc.record({ what: fc.constant('append' as const), partition: fc.integer({ min: 0, max: 3 }) }) },
        { weight: 1, arbitrary: fc.record({ what: fc.constant('close' as const), partition: fc.integer({ min: 0, max: 3 }) }) },
        { weight: 1, arbitrary: fc.record({ what: fc.constant('open' as const), partition: fc.integer({ min: 0, max: 3 }) }) },
      );
      await fc.assert(
        fc.asyncProperty(fc.array(fc.array(step, { maxLength: 20 }), { maxLength: 8 }), async (turns) => {
          const log = await make(1_000);
          const partitions = [0, 1, 2, 3];
          const { of, replies } = consumer(log, partitions);
          const closed = new Set<number>();
          const goOn = (partition: number) => log.open(partition, of(partition).at(-1)?.position ?? 0);
          const sent: number[] = [];
          for (const turn of turns) {
            for (const { what, partition } of turn) {
              if (what === 'append') log.append(partition, command('a', sent.push(partition) - 1));
              else if (what === 'close') {
                log.close(partition);
                closed.add(partition);
              } else {
                goOn(partition);
                closed.delete(partition);
              }
            }
            const before = [...closed].map((partition) => of(partition).length);
            await new Promise<void>((resolve) => setImmediate(resolve));
            expect([...closed].map((partition) => of(partition).length)).toEqual(before);
          }
          for (const partition of closed) goOn(partition);
          const expected = (partition: number) => sent.flatMap((one, i) => (one === partition ? [i] : []));
          await vi.waitFor(() => expect(partitions.map(replies)).toEqual(partitions.map(expected)), SOON);
          for (const partition of partitions) expectGrowing(of(partition).map(({ position }) => position));
        }),
        { numRuns: 30 },
      );
    });
  });
}
