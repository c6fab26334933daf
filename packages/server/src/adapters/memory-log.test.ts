import { expect, it } from 'vitest';
import { logContract } from '../hub/contracts/log.ts';
import { MAX_BACKLOG, MemoryLog } from './memory-log.ts';

logContract('MemoryLog', (cap) => new MemoryLog(cap));

it('takes 200,000 waiting commands unless told otherwise [A7]', () => {
  expect(MAX_BACKLOG).toBe(200_000);
  const log = new MemoryLog();
  for (let n = 0; n < MAX_BACKLOG; n++) log.append(0, { kind: 'tick', driverId: 'd', receivedAt: 0, reply: 0 });
  expect(log.isFull()).toBe(true);
  expect(() => log.append(0, { kind: 'open', driverId: 'd', receivedAt: 0, reply: 0, stream: 's' })).toThrow(/200000/);
});
