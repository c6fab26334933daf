import { describe, expect, it } from 'vitest';
import { ManualClock } from '../contracts/manual-clock.ts';
import { Answers, FRESH_MS } from './answers.ts';

/** Answers of a service that counts its questions; what it says may be changed, or held back. */
function answers(most?: number) {
  const clock = new ManualClock();
  const asked: string[] = [];
  const service = { says: (key: string): string | null | Promise<string> => `${key}${asked.length}` };
  const one = new Answers<string>(
    async (key) => {
      asked.push(key);
      return service.says(key);
    },
    clock,
    most,
  );
  return { one, clock, asked, service };
}

describe('answers', () => {
  it('hold for 30 s [X2]', async () => {
    const { one, clock, asked } = answers();
    expect(await one.get('a')).toBe('a1');
    clock.pass(FRESH_MS - 1);
    expect(await one.get('a')).toBe('a1');
    clock.pass(1);
    expect(await one.get('a')).toBe('a2');
    expect(asked).toEqual(['a', 'a']);
  });

  it('that there is no such thing hold for 5 s [X2]', async () => {
    const { one, clock, asked, service } = answers();
    service.says = () => null;
    expect(await one.get('a')).toBeNull();
    clock.pass(4_999);
    expect(await one.get('a')).toBeNull();
    expect(asked).toHaveLength(1);
    clock.pass(1);
    await one.get('a');
    expect(asked).toHaveLength(2);
  });

  it('count from the question, not from when they came', async () => {
    const { one, clock, asked, service } = answers();
    service.says = async () => {
      clock.pass(2_000);
      return 'late';
    };
    const before = clock.now();
    await one.get('a');
    expect(one.askedAt('a')).toBe(before);
    clock.pass(FRESH_MS - 2_000);
    await one.get('a');
    expect(asked).toHaveLength(2);
  });

  it('are asked for once, however many want one at the same time', async () => {
    const { one, asked } = answers();
    expect(new Set(await Promise.all(Array.from({ length: 50 }, () => one.get('a'))))).toEqual(new Set(['a1']));
    expect(asked).toEqual(['a']);
  });

  it('that are failures are not kept, and leave the last answer at hand', async () => {
    const { one, clock, asked, service } = answers();
    await one.get('a');
    clock.pass(FRESH_MS);
    const well = service.says;
    service.says = () => Promise.reject(new Error('down'));
    await expect(Promise.all([one.get('a'), one.get('a')])).rejects.toThrow('down');
    expect(asked).toHaveLength(2);
    expect(one.newest('a')).toBe('a1');
    service.says = well;
    expect(await one.get('a')).toBe('a3');
    expect(one.newest('b')).toBeUndefined();
  });

  it('may be wanted younger than that', async () => {
    const { one, clock } = answers();
    await one.get('a');
    clock.pass(10_000);
    expect(await one.get('a', 10_001)).toBe('a1');
    expect(await one.get('a', 10_000)).toBe('a2');
  });

  it('from after now are asked for again: the clock was set back', async () => {
    const { one, clock, asked } = answers();
    await one.get('a');
    clock.set(clock.now() - 3_600_000);
    await one.get('a');
    expect(asked).toHaveLength(2);
  });

  it('are bounded: the one renewed longest ago goes first', async () => {
    const { one, clock } = answers(2);
    await one.get('a');
    await one.get('b');
    clock.pass(FRESH_MS);
    await one.get('a');
    await one.get('c');
    expect([one.newest('a'), one.newest('b'), one.newest('c')]).toEqual(['a3', undefined, 'c4']);
  });
});
