import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Outbox } from '../outbox/ports.ts';
import type { Store } from '../storage-ports.ts';
import { outboxAgainstModel } from './outbox-model.ts';
import type { OutboxPlace } from './outbox-place.ts';
import { consumerOf, HOUR, messageOf, settledOf, worker } from './outbox-samples.ts';
import { changedEvent, commitOf, creation, sampleTrip, T0 } from './samples.ts';

export function outboxContract(name: string, make: () => OutboxPlace): void {
  let place: OutboxPlace;
  let store: Store;
  let outbox: Outbox;
  let close: () => Promise<void>;
  const open = async (): Promise<void> => {
    ({ store, outbox, close } = await place.open());
  };
  beforeEach(async () => {
    place = make();
    await open();
  });
  afterEach(async () => {
    await close();
    await place.remove();
  });
  const record = (...messages: ReturnType<typeof messageOf>[]) => store.commit(commitOf({ messages }));
  const delivered = (id: string, ...keys: [string?]) => settledOf('a', messageOf(id, ...keys));
  const states = async (id = 'a') =>
    (await outbox.deliveries(id, null, 1_000, null)).items.map(({ message, state }) => `${message.id} ${state}`).reverse();

  describe(`${name} records messages`, () => {
    it('with their events, for every enabled consumer that wants them, and keeps what they say [W1, W6]', async () => {
      await outbox.putConsumer(consumerOf('a'), 0);
      await outbox.putConsumer(consumerOf('b', { types: ['stop.*'] }), 0);
      await outbox.putConsumer(consumerOf('c', { labels: ['north'] }), 0);
      await outbox.putConsumer(consumerOf('off', { enabled: false }), 0);
      const first = messageOf('m1', 'trip:t', { labels: ['north', "it's"], body: '{"text":"Ü \\" \\n"}' });
      await record(first, messageOf('m2', 'trip:u', { type: 'stop.arrived' }));
      const { claims } = await worker(outbox).exchange();
      expect(claims.map(({ consumer, message }) => `${consumer.id}/${message.id}`).sort()).toEqual(['a/m1', 'a/m2', 'b/m2', 'c/m1']);
      expect(claims.find(({ message }) => message.id === 'm1')).toEqual({
        consumer: consumerOf('a'),
        message: { ...first, eventId: null },
        tries: 0,
        since: T0,
      });
    });

    it('not again for an event it has already, whatever their ids [W1]', async () => {
      await outbox.putConsumer(consumerOf('a'), 0);
      const event = changedEvent('t', 1);
      for (const id of ['m1', 'm2'])
        await store.commit(commitOf({ events: [event], messages: [messageOf(id, 'trip:t', { eventId: event.id })] }));
      await record(messageOf('m1', 'trip:t', { body: '{}' }));
      expect(await states()).toEqual(['m1 pending']);
    });

    it('only when the whole commit is [W1]', async () => {
      await outbox.putConsumer(consumerOf('a'), 0);
      expect(await store.changeTrip(creation(sampleTrip('t'), { expected: 7, messages: [messageOf('no')] }))).toBe(false);
      expect(await store.changeTrip(creation(sampleTrip('t'), { messages: [messageOf('m1')] }))).toBe(true);
      expect(await states()).toEqual(['m1 pending']);
      const elsewhere = [{ partition: 0, from: 7, to: 8 }];
      await expect(store.commit(commitOf({ messages: [messageOf('no')], cursors: elsewhere }))).rejects.toThrow(/partition 0/);
      expect(await states()).toEqual(['m1 pending']);
    });
  });

  describe(`${name} hands lanes out`, () => {
    beforeEach(() => outbox.putConsumer(consumerOf('a'), 0));

    it('one message of a key at a time, in the order they were recorded, keys side by side [W7]', async () => {
      await record(messageOf('m1'), messageOf('n1', 'trip:u'), messageOf('m2'), messageOf('m3'));
      const me = worker(outbox);
      expect(await me.claim()).toEqual(['a/m1', 'a/n1']);
      expect(await me.claim()).toEqual([]);
      expect(await me.claim({ settled: [delivered('m1')] })).toEqual(['a/m2']);
      expect(await me.claim({ settled: [delivered('n1', 'trip:u'), delivered('m2')] })).toEqual(['a/m3']);
      expect(await me.exchange({ settled: [delivered('m3')] })).toEqual({ claims: [], nextAt: null });
      expect(await states()).toEqual(['m1 delivered', 'n1 delivered', 'm2 delivered', 'm3 delivered']);
    });

    it('not before a failed one is due again, and says when that is; those behind it wait [W7, W9]', async () => {
      await record(messageOf('m1'), messageOf('m2'));
      const me = worker(outbox);
      await me.claim();
      const failed = settledOf('a', messageOf('m1'), { outcome: 'failed', retryAt: T0 + 5_000 });
      expect(await me.exchange({ settled: [failed] })).toEqual({ claims: [], nextAt: T0 + 5_000 });
      expect(await me.claim({ now: T0 + 4_999 })).toEqual([]);
      const { claims } = await me.exchange({ now: T0 + 5_000 });
      expect(claims).toMatchObject([{ message: { id: 'm1' }, tries: 1, since: T0 }]);
      const dead = settledOf('a', messageOf('m1'), { outcome: 'dead' });
      expect(await me.claim({ now: T0 + 5_001, settled: [dead] })).toEqual(['a/m2']);
      expect(await states()).toEqual(['m1 dead', 'm2 pending']);
    });

    it('to one holder until it settles, gives back, or its lease ends; whoever lost it settles nothing but success [W7, W8]', async () => {
      await record(messageOf('m1'), messageOf('m2'));
      const [me, you] = [worker(outbox, 'me'), worker(outbox, 'you')];
      expect(await me.claim()).toEqual(['a/m1']);
      expect(await you.exchange({ now: T0 + 59_999 })).toEqual({ claims: [], nextAt: T0 + 60_000 });
      expect(await you.claim({ now: T0 + 60_000 })).toEqual(['a/m1']);
      const lost = settledOf('a', messageOf('m1'), { outcome: 'dead' });
      expect(await me.claim({ now: T0 + 60_001, settled: [lost] })).toEqual([]);
      expect(await states()).toEqual(['m1 pending', 'm2 pending']);
      const back = settledOf('a', messageOf('m1'), { outcome: 'given back', attempt: null });
      expect(await you.claim({ now: T0 + 60_002, settled: [back], limit: 0 })).toEqual([]);
      expect(await me.claim({ now: T0 + 60_003 })).toEqual(['a/m1']);
      await you.exchange({ now: T0 + 60_004, settled: [delivered('m1')] });
      expect(await states()).toEqual(['m1 delivered', 'm2 pending']);
    });

    it('no more than are wanted, in all, of one consumer and of each that is named [W10]', async () => {
      await outbox.putConsumer(consumerOf('b'), 0);
      await record(...Array.from({ length: 20 }, (_, n) => messageOf(`m${n}`, `trip:${n}`)));
      const me = worker(outbox);
      const count = async (...more: Parameters<typeof me.claim>) => {
        const claimed = await me.claim(...more);
        return [claimed.filter((one) => one.startsWith('a')).length, claimed.filter((one) => one.startsWith('b')).length];
      };
      expect(await count({ perConsumer: 3 })).toEqual([3, 3]);
      expect(await count({ room: { a: 0 }, perConsumer: 2 })).toEqual([0, 2]);
      expect(await count({ room: { b: 1 }, perConsumer: 4 })).toEqual([4, 1]);
      const [a = 0, b = 0] = await count({ limit: 5 });
      expect(a + b).toBe(5);
    });

    it('of a consumer that answers again at once, whatever they waited for [W10]', async () => {
      await record(messageOf('m1'), messageOf('n1', 'trip:u'), messageOf('n2', 'trip:u'));
      const me = worker(outbox);
      await me.claim();
      await me.claim({ settled: [settledOf('a', messageOf('m1'), { outcome: 'failed', retryAt: T0 + HOUR })] });
      expect(await me.claim({ now: T0 + 10, settled: [settledOf('a', messageOf('n1', 'trip:u'), { recovered: true })] })).toEqual([
        'a/m1',
        'a/n2',
      ]);
    });

    it('not of one that is disabled or has no address; what was recorded meanwhile waits only for the latter [W4, W6, W10]', async () => {
      await outbox.putConsumer(consumerOf('b', { url: null }), 0);
      await record(messageOf('m1'));
      const me = worker(outbox);
      expect(await me.claim()).toEqual(['a/m1']);
      const gone = settledOf('a', messageOf('m1'), { outcome: 'failed', retryAt: T0, disable: 'gone' });
      expect(await me.exchange({ settled: [gone] })).toEqual({ claims: [], nextAt: null });
      expect(await outbox.consumers()).toEqual([
        consumerOf('a', { enabled: false, disabledReason: 'gone', revision: 2 }),
        consumerOf('b', { url: null }),
      ]);
      await record(messageOf('m2'));
      expect(await outbox.putConsumer(consumerOf('a', { revision: 3 }), 2)).toBe(true);
      expect(await outbox.putConsumer(consumerOf('b', { revision: 2 }), 1)).toBe(true);
      expect(await me.claim()).toEqual(['a/m1', 'b/m1']);
      expect([await states('a'), await states('b')]).toEqual([['m1 pending'], ['m1 pending', 'm2 pending']]);
    });

    it('after it was closed and opened again, those included that somebody held [W8]', async () => {
      await record(messageOf('m1'), messageOf('n1', 'trip:u'));
      const failed = settledOf('a', messageOf('n1', 'trip:u'), { outcome: 'failed', retryAt: T0 + 5_000 });
      await worker(outbox).claim();
      await worker(outbox).claim({ settled: [failed] });
      await close();
      await open();
      expect(await worker(outbox, 'next').claim()).toEqual(['a/m1']);
      expect(await worker(outbox, 'next').claim({ now: T0 + 5_000 })).toEqual(['a/n1']);
    });
  });

  describe(`${name} keeps consumers`, () => {
    it('that change only from the revision that was expected', async () => {
      expect(await outbox.putConsumer(consumerOf('a'), 1)).toBe(false);
      expect(await outbox.putConsumer(consumerOf('a'), 0)).toBe(true);
      expect(await outbox.putConsumer(consumerOf('a'), 0)).toBe(false);
      expect(await outbox.putConsumer(consumerOf('a', { revision: 2, description: 'x' }), 1)).toBe(true);
      expect(await outbox.consumers()).toEqual([consumerOf('a', { revision: 2, description: 'x' })]);
    });

    it('until they are removed, with all that was theirs', async () => {
      await outbox.putConsumer(consumerOf('a'), 0);
      await outbox.putConsumer(consumerOf('b'), 0);
      await record(messageOf('m1'));
      expect([await outbox.removeConsumer('a'), await outbox.removeConsumer('a')]).toEqual([true, false]);
      expect((await outbox.consumers()).map(({ id }) => id)).toEqual(['b']);
      expect([await worker(outbox).claim(), await states('a')]).toEqual([['b/m1'], []]);
      while (await outbox.prune(T0, 0, 0));
      expect(await outbox.counts()).toEqual({ pending: 1, dead: 0 });
    });

    it('and gives one a message that is for it alone', async () => {
      await outbox.putConsumer(consumerOf('a'), 0);
      await outbox.putConsumer(consumerOf('b'), 0);
      await outbox.enqueue('b', messageOf('test', 'webhook:b', { topic: 'test' }));
      await outbox.enqueue('nobody', messageOf('lost'));
      expect(await worker(outbox).claim()).toEqual(['b/test']);
    });
  });

  describe(`${name} tells of deliveries`, () => {
    it('newest first, page by page, by state', async () => {
      await outbox.putConsumer(consumerOf('a'), 0);
      await record(...[1, 2, 3, 4, 5].map((n) => messageOf(`m${n}`, `trip:${n}`)));
      const me = worker(outbox);
      await me.claim();
      await me.exchange({ limit: 0, settled: [delivered('m2', 'trip:2'), settledOf('a', messageOf('m4', 'trip:4'), { outcome: 'dead' })] });
      const all = async (state: 'pending' | 'delivered' | 'dead' | null, limit: number) => {
        const ids: string[] = [];
        let cursor: string | null = null;
        do {
          const page: Awaited<ReturnType<Outbox['deliveries']>> = await outbox.deliveries('a', state, limit, cursor);
          expect(page.items.length).toBeLessThanOrEqual(limit);
          ids.push(...page.items.map(({ message }) => message.id));
          cursor = page.cursor;
        } while (cursor !== null);
        return ids.join(' ');
      };
      for (const limit of [1, 2, 3, 100]) {
        expect(await all(null, limit)).toBe('m5 m4 m3 m2 m1');
        expect(await all('pending', limit)).toBe('m5 m3 m1');
        expect(await all('delivered', limit)).toBe('m2');
        expect(await all('dead', limit)).toBe('m4');
      }
      expect(await outbox.counts()).toEqual({ pending: 3, dead: 1 });
    });

    it('with how often they were tried and the last ten attempts', async () => {
      await outbox.putConsumer(consumerOf('a'), 0);
      await record(messageOf('m1'));
      const me = worker(outbox);
      for (let n = 0; n < 12; n++) {
        expect(await me.claim({ now: T0 + n })).toEqual(['a/m1']);
        const attempt = { at: T0 + n, duration: n, status: 500, error: null, answer: `no ${n}` };
        const outcome = n === 11 ? 'dead' : 'failed';
        await me.exchange({ now: T0 + n, limit: 0, settled: [settledOf('a', messageOf('m1'), { outcome, attempt, retryAt: T0 + n + 1 })] });
      }
      const [shown] = (await outbox.deliveries('a', 'dead', 10, null)).items;
      expect(shown).toMatchObject({ state: 'dead', tries: 12, since: T0, settledAt: T0 + 11 });
      expect(shown?.message).toEqual({ id: 'm1', topic: 'event', type: 'trip.status', key: 'trip:t', at: T0 });
      expect(shown?.attempts.map(({ duration }) => duration)).toEqual([2, 3, 4, 5, 6, 7, 8, 9, 10, 11]);
    });
  });

  describe(`${name} replays`, () => {
    const replay = async (which: Parameters<Outbox['replay']>[1], now = T0 + HOUR): Promise<number> => {
      let count = 0;
      let cursor: string | null = null;
      do {
        const step: Awaited<ReturnType<Outbox['replay']>> = await outbox.replay('a', which, now, cursor);
        count += step.count;
        cursor = step.cursor;
      } while (cursor !== null);
      return count;
    };

    it('single deliveries that are settled, under their ids, before what came later [W14]', async () => {
      await outbox.putConsumer(consumerOf('a'), 0);
      await record(messageOf('m1'), messageOf('m2'), messageOf('m3'));
      const me = worker(outbox);
      await me.claim();
      await me.claim({ settled: [delivered('m1')], limit: 0 });
      expect(await replay({ messageIds: ['m1', 'm2', 'none'] })).toBe(1);
      const { claims } = await me.exchange({ now: T0 + HOUR });
      expect(claims).toMatchObject([{ message: { id: 'm1' }, tries: 0, since: T0 + HOUR }]);
      expect(await me.claim({ now: T0 + HOUR, settled: [delivered('m1')] })).toEqual(['a/m2']);
    });

    it('all since a moment that the consumer wants, those included it never got, in order, once [W14]', async () => {
      await record(...Array.from({ length: 450 }, (_, n) => messageOf(`m${n}`, 'trip:t', { at: T0 + Math.floor(n / 3) })));
      await outbox.putConsumer(consumerOf('a', { types: ['trip.*'] }), 0);
      await record(
        messageOf('other', 'trip:t', { type: 'stop.arrived', at: T0 + 200 }),
        messageOf('test', 'webhook:b', { topic: 'test', at: T0 + 200 }),
      );
      expect(await replay({ since: T0 + 1 })).toBe(447);
      expect(await replay({ since: T0 + 1 })).toBe(0);
      expect((await states()).length).toBe(447);
      expect(await worker(outbox).claim({ now: T0 + HOUR })).toEqual(['a/m3']);
      expect(await replay({ since: T0 + HOUR })).toBe(0);
    });
  });

  describe(`${name} forgets`, () => {
    beforeEach(() => outbox.putConsumer(consumerOf('a'), 0));

    it('what is old and not pending, piece by piece [W11]', async () => {
      await outbox.putConsumer(consumerOf('b', { types: ['stop.*'] }), 0);
      await record(
        ...Array.from({ length: 250 }, (_, n) => messageOf(`old${n}`, `trip:${n}`)),
        messageOf('new', 'trip:n', { at: T0 + HOUR }),
      );
      const me = worker(outbox);
      for (let n = 0; n < 249; ) {
        const { claims } = await me.exchange({ limit: 249 - n, perConsumer: 300 });
        const settled = claims.map(({ message }) => settledOf('a', message));
        await me.exchange({ settled, limit: 0 });
        n += claims.length;
      }
      expect(await outbox.prune(T0, 0, T0 + 1)).toBe(true);
      expect(await outbox.prune(T0, 0, T0 + 1)).toBe(false);
      expect(await states()).toHaveLength(2);
      expect(await outbox.counts()).toEqual({ pending: 2, dead: 0 });
    });

    it('what waited too long for a consumer that gets nothing: it is dead, and no longer in the way [W11]', async () => {
      await outbox.putConsumer(consumerOf('b', { url: null }), 0);
      await record(messageOf('m1'), messageOf('m2', 'trip:t', { at: T0 + HOUR }));
      while (await outbox.prune(T0 + 9 * HOUR, T0 + 1, 0));
      expect([await states('a'), await states('b')]).toEqual([
        ['m1 pending', 'm2 pending'],
        ['m1 dead', 'm2 pending'],
      ]);
      await outbox.putConsumer(consumerOf('b', { revision: 2 }), 1);
      expect(await worker(outbox).claim({ now: T0 + 9 * HOUR })).toEqual(['a/m1', 'b/m2']);
    });
  });

  outboxAgainstModel(name, make);
}
