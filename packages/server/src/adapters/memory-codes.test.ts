import { describe, expect, it } from 'vitest';
import { codesContract } from '../hub/contracts/codes.ts';
import { ManualClock } from '../hub/contracts/manual-clock.ts';
import { MemoryCodes } from './memory-codes.ts';

codesContract('MemoryCodes', async () => new MemoryCodes<string>(new ManualClock(), 30_000));

describe('the codes of one process [S8]', () => {
  it('are good until their end, and not a ms longer', async () => {
    const clock = new ManualClock();
    const all = new MemoryCodes<string>(clock, 30_000);
    const { code, until } = await all.issue('car-a');
    expect(until).toBe(clock.now() + 30_000);
    clock.pass(30_000);
    expect(await all.redeem(code)).toBe('car-a');
    const late = await all.issue('car-b');
    clock.pass(30_001);
    expect(await all.redeem(late.code)).toBeUndefined();
  });

  it('make room for new ones when there are too many, the oldest first', async () => {
    const all = new MemoryCodes<string>(new ManualClock(), 30_000, 3);
    const issued: string[] = [];
    for (const name of ['a', 'b', 'c', 'd']) issued.push((await all.issue(name)).code);
    expect(await Promise.all(issued.map((code) => all.redeem(code)))).toEqual([undefined, 'b', 'c', 'd']);
  });
});
