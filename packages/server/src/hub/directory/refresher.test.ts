import { WaycastError } from '@waycast/protocol';
import { afterEach, describe, expect, it } from 'vitest';
import { ManualClock } from '../contracts/manual-clock.ts';
import { Refresher } from './refresher.ts';

const opened: Refresher[] = [];
afterEach(() => {
  for (const one of opened.splice(0)) one.close();
});

/** A refresher whose refreshes end when the test says so; `at` is when what is known was asked for. */
function refresher({ hold = false, at = new Map<string, number>() } = {}) {
  const clock = new ManualClock();
  const begun: { readonly id: string; readonly at: number; end(error?: Error): void }[] = [];
  const failed: unknown[] = [];
  const one = new Refresher({
    clock,
    refresh: (id) =>
      new Promise((resolve, reject) => {
        const asked = clock.now();
        const end = (error?: Error) => {
          if (error === undefined) at.set(id, asked);
          if (error === undefined) resolve();
          else reject(error);
        };
        begun.push({ id, at: asked, end });
        if (!hold) end();
      }),
    askedAt: (id) => at.get(id),
    failed: (_, error) => void failed.push(error),
  });
  opened.push(one);
  const settled = () => new Promise((resolve) => setImmediate(resolve));
  /** Lets time pass second by second, and what it sets off happen. */
  const pass = async (seconds: number) => {
    for (let n = 0; n < seconds; n++) {
      clock.pass(1_000);
      await settled();
    }
  };
  return { one, clock, begun, failed, pass, settled, at };
}

describe('a ride that is watched', () => {
  it('is asked for again and again, each time before its answer is 27 s old [X6]', async () => {
    const { one, clock, begun, pass, at } = refresher();
    const start = clock.now();
    at.set('r', start);
    one.watch('r');
    await pass(300);
    const times = [start, ...begun.map(({ at }) => at)];
    const gaps = times.slice(1).map((time, n) => time - (times[n] as number));
    expect(gaps.length).toBeGreaterThanOrEqual(11);
    for (const gap of gaps) {
      expect(gap).toBeGreaterThanOrEqual(22_000);
      expect(gap).toBeLessThanOrEqual(27_000);
    }
    expect(new Set(gaps).size).toBeGreaterThan(1);
  });

  it('counts from when its answer was asked for, not from when somebody came [X6]', async () => {
    const { one, clock, begun, pass, at } = refresher();
    at.set('r', clock.now() - 25_000);
    one.watch('r');
    await pass(2);
    expect(begun).toHaveLength(1);
  });

  it('is asked for at once when nothing is known of it, as after a restart [X6]', async () => {
    const { one, begun, pass } = refresher();
    one.watch('r');
    await pass(1);
    expect(begun).toHaveLength(1);
    await pass(20);
    expect(begun).toHaveLength(1);
  });

  it('is not asked for while it is being asked for', async () => {
    const { one, begun, pass } = refresher({ hold: true });
    one.watch('r');
    await pass(100);
    expect(begun).toHaveLength(1);
  });

  it('that could not be asked for is asked for again soon, or when the refusal says [X7]', async () => {
    const { one, clock, begun, failed, pass, settled } = refresher({ hold: true });
    one.watch('r');
    await pass(28);
    for (const [retryAfter, least, most] of [
      [undefined, 3_000, 7_000],
      [8, 8_000, 17_000],
    ] as const) {
      const before = begun.length;
      begun.at(-1)?.end(new WaycastError('directory_unavailable', 'no', { retryAfter }));
      await settled();
      const from = clock.now();
      await pass(most / 1_000);
      expect(begun).toHaveLength(before + 1);
      expect((begun.at(-1)?.at as number) - from).toBeGreaterThanOrEqual(least);
    }
    expect(failed).toHaveLength(2);
  });

  it('is asked for soon after the clock was set back', async () => {
    const { one, clock, begun, pass, at } = refresher();
    at.set('r', clock.now() + 3_600_000);
    one.watch('r');
    await pass(1);
    expect(begun).toHaveLength(1);
  });

  it('that nobody watches any more is not asked for, also when it was due', async () => {
    const { one, begun, pass, settled } = refresher({ hold: true });
    for (let n = 0; n < 20; n++) one.watch(`r${n}`);
    await pass(28);
    expect(begun).toHaveLength(16);
    for (let n = 0; n < 20; n++) one.unwatch(`r${n}`);
    for (const { end } of begun) end();
    await settled();
    await pass(60);
    expect(begun).toHaveLength(16);
  });
});

describe('many rides', () => {
  it('are asked for sixteen at a time, each once', async () => {
    const { one, begun, pass, settled } = refresher({ hold: true });
    for (let n = 0; n < 50; n++) one.watch(`r${n}`);
    await pass(28);
    expect(begun).toHaveLength(16);
    begun[3]?.end();
    await settled();
    expect(begun).toHaveLength(17);
    for (let n = 0; n < begun.length; n++) {
      begun[n]?.end();
      await settled();
    }
    expect(begun.map(({ id }) => id).toSorted()).toEqual(Array.from({ length: 50 }, (_, n) => `r${n}`).toSorted());
  });

  it('are asked for no more once it is closed', async () => {
    const { one, begun, pass, settled } = refresher({ hold: true });
    for (let n = 0; n < 20; n++) one.watch(`r${n}`);
    await pass(28);
    one.close();
    one.close();
    for (const { end } of begun) end();
    await settled();
    await pass(60);
    expect(begun).toHaveLength(16);
  });
});
