import { describe, expect, it } from 'vitest';
import { MemoryLog } from '../adapters/memory-log.ts';
import type { Command, FixesCommand } from '../core/commands.ts';
import { ManualClock } from './contracts/manual-clock.ts';
import { Ingest, type Origin } from './ingest.ts';
import { Limits, type Rate } from './limits.ts';
import { partitionOf } from './partition.ts';
import { type LogEntry, PARTITIONS } from './ports.ts';
import type { Principal } from './principal.ts';
import { Replies } from './replies.ts';

const METER = {
  taken: () => undefined,
  accepted: () => undefined,
  delivered: () => undefined,
  stored: () => undefined,
  refused: () => undefined,
};
const OFF: Rate = { perSecond: Number.POSITIVE_INFINITY, burst: 1 };
const CAR_A: Principal = { sub: 'car-a', role: 'driver', trips: undefined, drivers: undefined, labels: undefined, expiresAt: null };
const ORIGIN: Origin = { who: CAR_A, driverId: 'car-a', stream: 'phone', base: null, sender: 3 };
const HERE = { lat: 44.5, lng: 11.3 };

/** Ingest over a log whose commands `answer` answers at once, as an engine would. */
function ingest({ live = OFF, backlog = OFF, cap = 100, answer = (_: Command, __: Replies): void => undefined } = {}) {
  const clock = new ManualClock();
  const log = new MemoryLog(cap);
  const replies = new Replies(1_000);
  const taken: LogEntry[] = [];
  log.consume((entries) => {
    taken.push(...entries);
    for (const { command } of entries) answer(command, replies);
  });
  for (let partition = 0; partition < PARTITIONS; partition++) log.open(partition, 0);
  const one = new Ingest({ log, clock, replies, live: new Limits(live, clock), backlog: new Limits(backlog, clock), meter: METER });
  const commands = async () => {
    await new Promise<void>((resolve) => setImmediate(resolve));
    return taken.map(({ command }) => command);
  };
  return { ingest: one, clock, log, commands, taken };
}
const counted = (command: Command, replies: Replies) => {
  const { fixes, reply } = command as FixesCommand;
  const counts = { accepted: fixes.length, stored: fixes.length, duplicates: 0, suspect: 0, rejected: [] };
  replies.settle({ reply, kind: 'fixes', seq: 1, counts });
};

describe('a live fix', () => {
  it('goes to the partition of its driver, with its receipt and number [F2]', async () => {
    const { ingest: one, clock, commands, taken } = ingest();
    one.live({ ...ORIGIN, base: 4 }, { seq: 5, input: HERE });
    expect(await commands()).toEqual([
      {
        kind: 'fixes',
        driverId: 'car-a',
        receivedAt: clock.now(),
        reply: 0,
        live: true,
        stream: 'phone',
        base: 4,
        sender: 3,
        fixes: [{ seq: 5, fix: { ...HERE, at: clock.now(), speed: null, bearing: null, accuracy: null, altitude: null } }],
      },
    ]);
    expect(taken[0]?.partition).toBe(partitionOf('car-a'));
  });

  it('of somebody else is refused before anything is taken [S2, S6]', async () => {
    const { ingest: one, commands } = ingest({ live: { perSecond: 1, burst: 1 } });
    for (let n = 0; n < 3; n++)
      expect(() => one.live({ ...ORIGIN, driverId: 'car-b' }, { seq: 1, input: HERE })).toThrow(
        expect.objectContaining({ code: 'not_found' }),
      );
    expect(() => one.live({ ...ORIGIN, who: { ...CAR_A, role: 'passenger' } }, { seq: 1, input: HERE })).toThrow(
      expect.objectContaining({ code: 'forbidden' }),
    );
    one.live({ ...ORIGIN, who: { ...CAR_A, sub: 'hub', role: 'service' }, driverId: 'car-b' }, { seq: 1, input: HERE });
    expect(await commands()).toHaveLength(1);
  });

  it('too many of them are refused with how long to wait, and are not in the log [L1]', async () => {
    const { ingest: one, commands, clock } = ingest({ live: { perSecond: 1, burst: 2 } });
    for (let seq = 1; seq <= 2; seq++) one.live(ORIGIN, { seq, input: HERE });
    expect(() => one.live(ORIGIN, { seq: 3, input: HERE })).toThrow(expect.objectContaining({ code: 'rate_limited', retryAfter: 1 }));
    clock.pass(1_000);
    one.live(ORIGIN, { seq: 3, input: HERE });
    expect(await commands()).toHaveLength(3);
  });

  it('is refused when too much waits [A7]', () => {
    const { ingest: one } = ingest({ cap: 1 });
    one.live(ORIGIN, { seq: 1, input: HERE });
    expect(() => one.live(ORIGIN, { seq: 2, input: HERE })).toThrow(expect.objectContaining({ code: 'storage_unavailable' }));
  });

  it('at no such moment is refused by its field', () => {
    const { ingest: one } = ingest();
    expect(() => one.live(ORIGIN, { seq: 1, input: { ...HERE, timestamp: '2026-02-30T00:00:00Z' } })).toThrow(
      expect.objectContaining({ code: 'invalid_fix', field: '/timestamp' }),
    );
  });
});

describe('a backlog', () => {
  it('is one command; a fix that never can be is refused by its number, its neighbours count [A2]', async () => {
    const { ingest: one, commands } = ingest();
    one.backlog(ORIGIN, [
      { seq: 1, input: HERE },
      { seq: 2, input: { ...HERE, timestamp: '2026-02-30T00:00:00Z' } },
      { seq: 3, input: HERE },
    ]);
    const all = await commands();
    expect(all).toMatchObject([
      { kind: 'refused', seq: 2, stream: 'phone', sender: 3, code: 'invalid_fix' },
      { kind: 'fixes', live: false, fixes: [{ seq: 1 }, { seq: 3 }] },
    ]);
  });

  it('of nothing but such is no command of fixes', async () => {
    const { ingest: one, commands } = ingest();
    one.backlog(ORIGIN, [{ seq: 2, input: { ...HERE, timestamp: '2026-02-30T00:00:00Z' } }]);
    expect(await commands()).toMatchObject([{ kind: 'refused' }]);
  });

  it('has a limit of its own, by the fix [L1]', () => {
    const { ingest: one } = ingest({ live: { perSecond: 1, burst: 1 }, backlog: { perSecond: 2, burst: 5 } });
    const sent = Array.from({ length: 5 }, (_, i) => ({ seq: i + 1, input: HERE }));
    one.backlog(ORIGIN, sent);
    expect(() => one.backlog(ORIGIN, sent.slice(0, 1))).toThrow(expect.objectContaining({ code: 'rate_limited', retryAfter: 0.5 }));
    one.live(ORIGIN, { seq: 9, input: HERE });
  });

  it('a refusal without a number has nobody to tell', async () => {
    const { ingest: one, commands } = ingest();
    one.refuse(ORIGIN, null, 'invalid_fix', 'no');
    one.refuse({ ...ORIGIN, stream: null }, 4, 'invalid_fix', 'no');
    expect(await commands()).toEqual([]);
  });
});

describe('a batch over REST [A5]', () => {
  it('is looked at fix by fix, and answered with what became of each', async () => {
    const { ingest: one } = ingest({
      answer: (command, replies) => {
        const rejected = [{ index: 1, code: 'conflict' as const, message: 'no' }];
        replies.settle({
          reply: command.reply,
          kind: 'fixes',
          seq: 1,
          counts: { accepted: 1, stored: 1, duplicates: 0, suspect: 0, rejected },
        });
      },
    });
    const receipt = await one.batch(CAR_A, 'car-a', [{ lat: 91, lng: 0 }, HERE, 'x', HERE], false);
    expect(receipt).toMatchObject({ accepted: 1, stored: 1 });
    expect(receipt.rejected).toEqual([
      { index: 0, code: 'invalid_fix', message: expect.stringContaining('/lat'), field: '/lat' },
      { index: 2, code: 'invalid_fix', message: expect.any(String), field: '' },
      { index: 3, code: 'conflict', message: 'no' },
    ]);
  });

  it('of nothing that can be taken is answered without the store', async () => {
    const { ingest: one, commands } = ingest();
    expect(await one.batch(CAR_A, 'car-a', [{}, null], false)).toMatchObject({ accepted: 0, rejected: [{ index: 0 }, { index: 1 }] });
    expect(await commands()).toEqual([]);
  });

  it('live and backlog are limited apart [L1]', async () => {
    const { ingest: one } = ingest({ live: { perSecond: 1, burst: 1 }, backlog: { perSecond: 1, burst: 3 }, answer: counted });
    await one.batch(CAR_A, 'car-a', [HERE], true);
    await expect(one.batch(CAR_A, 'car-a', [HERE], true)).rejects.toMatchObject({ code: 'rate_limited' });
    await one.batch(CAR_A, 'car-a', [HERE, HERE, HERE], false);
    await expect(one.batch(CAR_A, 'car-a', [HERE], false)).rejects.toMatchObject({ code: 'rate_limited' });
  });

  it('that is not stored in time says that repeating is safe', async () => {
    const clock = new ManualClock();
    const log = new MemoryLog();
    const one = new Ingest({
      log,
      clock,
      replies: new Replies(5),
      live: new Limits(OFF, clock),
      backlog: new Limits(OFF, clock),
      meter: METER,
    });
    await expect(one.batch(CAR_A, 'car-a', [HERE], false)).rejects.toMatchObject({ code: 'storage_unavailable', retryAfter: 5 });
  });

  it('opening a stream is answered with where it stands [A4]', async () => {
    const { ingest: one } = ingest({ answer: ({ reply }, replies) => replies.settle({ reply, kind: 'opened', accepted: 7, stored: 7 }) });
    expect(await one.open(CAR_A, 'car-a', 'phone')).toMatchObject({ accepted: 7, stored: 7 });
    await expect(one.open(CAR_A, 'car-b', 'phone')).rejects.toMatchObject({ code: 'not_found' });
  });
});
