import { EventEmitter } from 'node:events';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { Outflow } from './outflow.ts';

interface Emitted {
  readonly event: string;
  readonly payload: { readonly n: number };
}

/** A client whose transport takes nothing until it is told to; `size` is what each packet weighs, bytes. */
function slowClient(size = 1_000) {
  const queue = new EventEmitter();
  const emitted: Emitted[] = [];
  let gaveUp = false;
  let now = 0;
  const flow = new Outflow(queue, {
    emit: (event, payload) => {
      emitted.push({ event, payload: payload as Emitted['payload'] });
      queue.emit('packetCreate', { data: 'x'.repeat(size) });
    },
    giveUp: () => {
      gaveUp = true;
    },
    now: () => now,
  });
  return {
    flow,
    emitted,
    gaveUp: () => gaveUp,
    take: () => queue.emit('drain'),
    wait: (ms: number) => {
      now += ms;
    },
    /** Fills what may wait. */
    clog: () => {
      for (let n = 0; n < 70; n++) flow.send('clog', { n });
      emitted.length = 0;
    },
  };
}
const told = (emitted: readonly Emitted[]) => emitted.map(({ event, payload }) => `${event} ${payload.n}`);

describe('the way out of a Socket.IO client [K13]', () => {
  it('lets everything through for one that keeps up', () => {
    const { flow, emitted, take } = slowClient();
    for (let n = 0; n < 500; n++) {
      flow.position('t', 'at', { n });
      flow.event('update', { n });
      take();
    }
    expect(emitted).toHaveLength(1_000);
    expect(flow.slow).toBe(false);
  });

  it('keeps of positions the newest per trip, every update, and their order, for one that does not', () => {
    const { flow, emitted, take, clog } = slowClient();
    clog();
    flow.position('a', 'at', { n: 1 });
    flow.event('update', { n: 2 });
    flow.position('b', 'at', { n: 3 });
    flow.position('a', 'at', { n: 4 });
    flow.position('a', 'where', { n: 5 });
    flow.event('update', { n: 6 });
    expect([emitted, flow.slow]).toEqual([[], true]);
    take();
    expect(told(emitted)).toEqual(['update 2', 'at 3', 'at 4', 'where 5', 'update 6']);
    expect(flow.slow).toBe(false);
  });

  it('never loses an update nor the newest position, and holds no more than there are trips and updates', () => {
    const step = fc.oneof(
      { weight: 5, arbitrary: fc.record({ what: fc.constant('position' as const), key: fc.constantFrom('a', 'b', 'c') }) },
      { weight: 1, arbitrary: fc.record({ what: fc.constant('event' as const), key: fc.constant('') }) },
      { weight: 1, arbitrary: fc.record({ what: fc.constant('take' as const), key: fc.constant('') }) },
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 90 }), (steps) => {
        const { flow, emitted, take } = slowClient(20_000);
        const newest = new Map<string, number>();
        const updates: number[] = [];
        steps.forEach(({ what, key }, n) => {
          if (what === 'take') take();
          else if (what === 'event') flow.event('update', { n: updates[updates.push(n) - 1] as number });
          else flow.position(key, `at-${key}`, { n: newest.set(key, n).get(key) as number });
        });
        take();
        take();
        expect(emitted.filter(({ event }) => event === 'update').map(({ payload }) => payload.n)).toEqual(updates);
        for (const [key, n] of newest) expect(emitted.findLast(({ event }) => event === `at-${key}`)?.payload.n).toBe(n);
        for (const key of newest.keys()) {
          const order = emitted.filter(({ event }) => event === `at-${key}`).map(({ payload }) => payload.n);
          expect(order).toEqual(order.toSorted((a, b) => a - b));
        }
      }),
    );
  });

  it('gives up on the 101st update that waits, and on answers over 1 MB', () => {
    const many = slowClient();
    many.clog();
    for (let n = 0; n < 100; n++) many.flow.event('update', { n });
    expect(many.gaveUp()).toBe(false);
    many.flow.event('update', { n: 100 });
    expect(many.gaveUp()).toBe(true);
    const large = slowClient(100_000);
    for (let n = 0; n < 12; n++) large.flow.send('error', { n });
    expect([large.gaveUp(), large.flow.isFull, large.emitted.length]).toEqual([true, true, 11]);
  });

  it('is stuck when a slow one has taken nothing for so long', () => {
    const { flow, take, wait, clog } = slowClient();
    clog();
    wait(40_000);
    expect(flow.isStuck(40_000, 30_000), 'nothing is held back').toBe(false);
    flow.position('a', 'at', { n: 1 });
    expect(flow.isStuck(40_000, 30_000)).toBe(true);
    take();
    expect(flow.isStuck(40_000, 30_000)).toBe(false);
    clog();
    flow.position('a', 'at', { n: 2 });
    expect(flow.isStuck(69_999, 30_000)).toBe(false);
    expect(flow.isStuck(70_000, 30_000)).toBe(true);
  });
});
