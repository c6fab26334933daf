import { describe, expect, it } from 'vitest';
import { ManualClock } from '../hub/contracts/manual-clock.ts';
import { OneTime } from './one-time.ts';

function codes(ttl = 30_000, most?: number) {
  const clock = new ManualClock();
  return { clock, codes: new OneTime<string>(clock, ttl, most) };
}

describe('one-time codes [S8]', () => {
  it('are good once', () => {
    const { codes: all } = codes();
    const { code } = all.issue('car-a');
    expect(all.redeem(code)).toBe('car-a');
    expect(all.redeem(code)).toBeUndefined();
  });

  it('are good until their end, and not a ms longer', () => {
    const { clock, codes: all } = codes();
    const { code, until } = all.issue('car-a');
    expect(until).toBe(clock.now() + 30_000);
    clock.pass(30_000);
    expect(all.redeem(code)).toBe('car-a');
    const late = all.issue('car-b');
    clock.pass(30_001);
    expect(all.redeem(late.code)).toBeUndefined();
  });

  it('that nobody was given are good for nothing', () => {
    const { codes: all } = codes();
    all.issue('car-a');
    for (const code of ['', 'x', '__proto__', 'constructor']) expect(all.redeem(code)).toBeUndefined();
  });

  it('cannot be guessed: 192 bits, never the same', () => {
    const { codes: all } = codes();
    const issued = Array.from({ length: 500 }, () => all.issue('car-a').code);
    expect(new Set(issued).size).toBe(500);
    for (const code of issued) expect(code).toMatch(/^[A-Za-z0-9_-]{32}$/);
  });

  it('are told apart', () => {
    const { codes: all } = codes();
    const [a, b] = [all.issue('car-a'), all.issue('car-b')];
    expect([all.redeem(b.code), all.redeem(a.code)]).toEqual(['car-b', 'car-a']);
  });

  it('make room for new ones when there are too many, the oldest first', () => {
    const { codes: all } = codes(30_000, 3);
    const issued = ['a', 'b', 'c', 'd'].map((name) => all.issue(name).code);
    expect(issued.map((code) => all.redeem(code))).toEqual([undefined, 'b', 'c', 'd']);
  });
});
