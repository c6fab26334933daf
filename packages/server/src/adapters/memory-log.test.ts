import { expect, it, vi } from 'vitest';
import { logContract } from '../hub/contracts/log.ts';
import { MAX_BACKLOG, MemoryLog } from './memory-log.ts';

logContract('MemoryLog', async (cap) => new MemoryLog(cap));

const TICK = { kind: 'tick', driverId: 'd', receivedAt: 0, reply: 0 } as const;

it('takes 200,000 waiting fixes and other commands unless told otherwise [A7]', () => {
  expect(MAX_BACKLOG).toBe(200_000);
  const log = new MemoryLog();
  for (let n = 0; n < MAX_BACKLOG; n++) log.append(0, TICK);
  expect(log.problem()).toMatch(/200000 fixes and other commands/);
  expect(() => log.append(0, { kind: 'open', driverId: 'd', receivedAt: 0, reply: 0, stream: 's' })).toThrow(/200000/);
});

it('counts every fix of a command, for what is kept of it grows with them [A7]', () => {
  const log = new MemoryLog(1_000);
  const fix = { lat: 1, lng: 2, at: 0, speed: null, bearing: null, accuracy: null, altitude: null };
  const fixes = Array.from({ length: 400 }, () => ({ seq: null, fix }));
  const batch = { ...TICK, kind: 'fixes', live: false, stream: null, base: null, sender: 0, fixes } as const;
  log.open(0, 0);
  for (let n = 0; n < 3; n++) log.append(0, batch);
  expect(log.problem()).toMatch(/1000 fixes/);
  expect(() => log.append(1, batch)).toThrow(/1000 fixes/);
  log.append(0, TICK);
  expect(log.backlog()).toBe(4);
  log.trim(0, 1);
  expect(log.problem()).toBeNull();
  log.append(1, batch);
  expect(log.problem()).toMatch(/1000 fixes/);
});

it('counts positions one by one from where a partition was opened first, also what came before [A6]', async () => {
  const log = new MemoryLog();
  const positions: number[] = [];
  log.consume((entries) => positions.push(...entries.map(({ position }) => position)));
  log.append(3, TICK);
  log.append(3, TICK);
  log.open(3, 41);
  log.append(3, TICK);
  await vi.waitFor(() => expect(positions).toEqual([42, 43, 44]), { interval: 1 });
  log.trim(3, 43);
  expect(log.backlog()).toBe(1);
});

it('keeps nothing of what is trimmed, and everything else, however much has passed', async () => {
  const log = new MemoryLog();
  let last = 0;
  log.consume((entries) => {
    last = entries.at(-1)?.position ?? last;
  });
  log.open(0, 0);
  for (let n = 1; n <= 20_000; n++) {
    log.append(0, TICK);
    if (n % 10 === 0) log.trim(0, n - 5);
  }
  expect(log.backlog()).toBe(5);
  await vi.waitFor(() => expect(last).toBe(20_000), { interval: 1 });
  const again: number[] = [];
  log.consume((entries) => again.push(...entries.map(({ position }) => position)));
  log.open(0, 19_996);
  await vi.waitFor(() => expect(again).toEqual([19_997, 19_998, 19_999, 20_000]), { interval: 1 });
});
