import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { happening, location } from '../../hub/contracts/samples.ts';
import type { Delivery, FleetFrame } from '../../hub/delivery.ts';
import { nativeCodec } from '../stream/encode.ts';
import { Outflow } from './outflow.ts';
import { SlowSocket } from './testing/slow-socket.ts';

interface Arrived {
  readonly type: string;
  readonly feed?: string;
  readonly epoch?: string;
  readonly seq?: number;
  readonly from?: number;
  readonly to?: number;
  readonly ref?: string;
}

const WHOLE: FleetFrame = { type: 'fleet', feed: 'fleet', full: true, home: 0, number: 0, rows: [], gone: [] };

function outflow() {
  const socket = new SlowSocket();
  const giveUp = vi.fn();
  const flow = new Outflow(socket, { codec: nativeCodec, giveUp, wholeFleet: () => WHOLE });
  const turn = () => new Promise<void>((resolve) => setImmediate(resolve));
  /** Buffers more than a watcher may, so that it is slow from here on. */
  const clog = async () => {
    for (let n = 0; n < 5; n++) flow.send({ type: 'pong', ref: 'x'.repeat(15_000) });
    await turn();
    expect(socket.writableLength).toBeGreaterThan(65_536);
  };
  /** What arrived in the end, without what only clogged. */
  const arrived = async () => {
    do {
      await turn();
      await socket.readAll();
    } while (socket.writableLength > 0);
    return (socket.messages as Arrived[]).filter(({ type }) => type !== 'pong');
  };
  return { flow, socket, giveUp, turn, clog, arrived };
}
const told = (messages: readonly Arrived[]) =>
  messages.map(({ type, feed, seq, from, to }) => (type === 'conflated' ? `${feed} ${from}..${to} left out` : `${feed} ${type} ${seq}`));

describe('a watcher that keeps up', () => {
  it('gets everything, in order, each turn in one write', async () => {
    const { flow, socket, arrived } = outflow();
    const write = vi.spyOn(socket, 'write');
    for (let seq = 1; seq <= 5; seq++) flow.deliver(location('driver:d', 'e', seq));
    flow.send({ type: 'pong' });
    expect((await arrived()).map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5]);
    expect(write).toHaveBeenCalledTimes(1);
    expect(flow.slow).toBe(false);
  });

  it('that has gone is written nothing', async () => {
    const { flow, socket, turn } = outflow();
    const write = vi.spyOn(socket, 'write');
    flow.deliver(location('driver:d', 'e', 1));
    socket.destroy();
    await turn();
    expect(write).not.toHaveBeenCalled();
  });
});

describe('a slow watcher [O7]', () => {
  it('gets of positions only the newest per feed, of events all, and every gap marked [O3]', async () => {
    const { flow, clog, arrived } = outflow();
    await clog();
    for (let seq = 1; seq <= 9; seq++) flow.deliver(seq === 4 ? happening('driver:d', 'e', seq) : location('driver:d', 'e', seq));
    flow.deliver(location('trip:t', 'e', 7));
    expect(flow.slow).toBe(true);
    expect(told(await arrived())).toEqual([
      'driver:d 1..3 left out',
      'driver:d event 4',
      'driver:d 5..8 left out',
      'driver:d location 9',
      'trip:t location 7',
    ]);
    expect(flow.slow).toBe(false);
  });

  it('gets answers to its own messages at once', async () => {
    const { flow, socket, clog, arrived } = outflow();
    await clog();
    flow.send({ type: 'unsubscribed', feed: 'driver:d' });
    flow.deliver(location('driver:d', 'e', 1));
    expect((await arrived())[0]).toMatchObject({ type: 'unsubscribed' });
    expect(socket.writableLength).toBe(0);
  });

  it('is given up when more than 100 events wait, not before', async () => {
    const { flow, giveUp, clog, arrived } = outflow();
    await clog();
    for (let seq = 1; seq <= 100; seq++) flow.deliver(happening('driver:d', 'e', seq));
    expect(giveUp).not.toHaveBeenCalled();
    flow.deliver(happening('trip:t', 'e', 1));
    expect(giveUp).toHaveBeenCalledTimes(1);
    expect(await arrived()).toHaveLength(100);
  });

  it('that caught up may be slow again: the count starts anew', async () => {
    const { flow, giveUp, clog, arrived } = outflow();
    for (let round = 0; round < 3; round++) {
      await clog();
      for (let seq = 1; seq <= 60; seq++) flow.deliver(happening('driver:d', 'e', round * 60 + seq));
      await arrived();
    }
    expect(giveUp).not.toHaveBeenCalled();
  });

  it('is not given up for events that a new snapshot has made part of itself', async () => {
    const { flow, giveUp, clog } = outflow();
    await clog();
    for (let seq = 1; seq <= 60; seq++) flow.deliver(happening('trip:t', 'e', seq));
    flow.deliver({ type: 'snapshot', feed: 'trip:t', epoch: 'e', seq: 60, trip: null, driver: null, location: null, etas: [] });
    for (let seq = 61; seq <= 120; seq++) flow.deliver(happening('trip:t', 'e', seq));
    expect(giveUp).not.toHaveBeenCalled();
  });

  it('keeps the events of a feed whose life changes hands: they are as much events as the new ones [O3, T7]', async () => {
    const { flow, clog, arrived } = outflow();
    await clog();
    flow.deliver(location('trip:t', 'e', 6));
    flow.deliver(happening('trip:t', 'e', 7));
    flow.deliver(happening('trip:t', 'f', 1));
    expect(told((await arrived()).filter(({ type }) => type === 'event'))).toEqual(['trip:t event 7', 'trip:t event 1']);
  });

  it('of the fleet gets everybody once it has caught up', async () => {
    const { flow, clog, arrived } = outflow();
    await clog();
    flow.deliver({ ...WHOLE, full: false, gone: ['x'] });
    flow.deliver({ type: 'fleet-event', feed: 'fleet', event: happening('driver:d', 'e', 1).event, trip: null });
    flow.deliver({ ...WHOLE, full: false, gone: ['y'] });
    expect(await arrived()).toMatchObject([{ type: 'positions', full: true, gone: [] }]);
  });

  it('that takes nothing at all, not even answers, is cut off', async () => {
    const { flow, giveUp, turn } = outflow();
    for (let n = 0; n < 80; n++) {
      flow.send({ type: 'pong', ref: 'x'.repeat(15_000) });
      await turn();
    }
    expect(giveUp).toHaveBeenCalled();
  });

  it('over any messages and any drains: numbers grow, every gap is marked, no event is lost [O3, O7]', async () => {
    const step = fc.oneof(
      {
        weight: 8,
        arbitrary: fc.record({
          kind: fc.constantFrom('location' as const, 'event' as const),
          feed: fc.constantFrom('driver:a', 'driver:b', 'trip:t'),
        }),
      },
      { weight: 1, arbitrary: fc.constant({ kind: 'clog' as const, feed: '' }) },
      { weight: 1, arbitrary: fc.constant({ kind: 'drain' as const, feed: '' }) },
      { weight: 1, arbitrary: fc.constant({ kind: 'turn' as const, feed: '' }) },
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 90, size: 'max' }), async (steps) => {
        const { flow, giveUp, socket, turn, arrived } = outflow();
        const seqs = new Map<string, number>();
        const events: string[] = [];
        const newest = new Map<string, number>();
        for (const { kind, feed } of steps) {
          if (kind === 'clog') {
            for (let n = 0; n < 5; n++) flow.send({ type: 'pong', ref: 'x'.repeat(15_000) });
            await turn();
          } else if (kind === 'drain') await socket.readAll();
          else if (kind === 'turn') await turn();
          else {
            const seq = (seqs.get(feed) ?? 0) + 1;
            seqs.set(feed, seq);
            newest.set(feed, seq);
            if (kind === 'event') events.push(`${feed} ${seq}`);
            const delivery: Delivery = kind === 'event' ? happening(feed, 'e', seq) : location(feed, 'e', seq);
            flow.deliver(delivery);
          }
        }
        const got = await arrived();
        expect(giveUp).not.toHaveBeenCalled();
        const expected = new Map<string, number>();
        for (const { type, feed = '', seq = 0, from, to } of got) {
          const next = expected.get(feed) ?? 1;
          expect(type === 'conflated' ? from : seq).toBe(next);
          expected.set(feed, (type === 'conflated' ? (to ?? 0) : seq) + 1);
        }
        for (const [feed, seq] of newest) expect(expected.get(feed)).toBe(seq + 1);
        expect(
          got
            .filter(({ type }) => type === 'event')
            .map(({ feed, seq }) => `${feed} ${seq}`)
            .sort(),
        ).toEqual(events.sort());
        const gapEnds = got.filter(({ type }, i) => type === 'conflated' && got[i + 1]?.seq === undefined);
        expect(gapEnds).toEqual([]);
      }),
      { numRuns: 60 },
    );
  });
});
