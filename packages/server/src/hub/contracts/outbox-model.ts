import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { DeliveryState } from '../outbox/ports.ts';
import type { OutboxPlace } from './outbox.ts';
import { consumerOf, messageOf, settledOf, worker } from './outbox-samples.ts';
import { commitOf, T0 } from './samples.ts';

const CONSUMERS = ['a', 'b'];
const KEYS = ['trip:1', 'trip:2', 'trip:3'];

type Step =
  | { readonly kind: 'record'; readonly keys: readonly number[] }
  | { readonly kind: 'claim'; readonly limit: number }
  | { readonly kind: 'settle'; readonly which: number; readonly outcome: 'delivered' | 'failed' | 'dead' | 'given back' }
  | { readonly kind: 'replay'; readonly consumer: number; readonly which: number }
  | { readonly kind: 'pass' }
  | { readonly kind: 'reopen' };

const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('record' as const), keys: fc.array(fc.nat(2), { maxLength: 4 }) }) },
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('claim' as const), limit: fc.integer({ min: 1, max: 6 }) }) },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant('settle' as const),
      which: fc.nat(5),
      outcome: fc.constantFrom('delivered', 'delivered', 'failed', 'dead', 'given back'),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant('replay' as const), consumer: fc.nat(1), which: fc.nat(20) }) },
  { weight: 2, arbitrary: fc.constant<Step>({ kind: 'pass' }) },
  { weight: 1, arbitrary: fc.constant<Step>({ kind: 'reopen' }) },
);

interface Delivery {
  readonly id: string;
  readonly key: string;
  state: DeliveryState;
}

/** Random work against the naive truth: of each lane the oldest pending one is handed out, to one at a time, and nothing is lost. */
export function outboxAgainstModel(name: string, make: () => OutboxPlace): void {
  it(`${name} against a naive model: random work, opened again at random: in order, one at a time, all of it [W7, W8]`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 80, size: 'max' }), async (steps) => {
        const place = make();
        let opened = await place.open();
        const model = new Map<string, Delivery[]>(CONSUMERS.map((id) => [id, []]));
        let held: { consumer: string; id: string; key: string }[] = [];
        let now = T0;
        let count = 0;
        const due = new Map<string, number>();
        for (const id of CONSUMERS) await opened.outbox.putConsumer(consumerOf(id), 0);
        const headOf = (consumer: string, key: string) => model.get(consumer)?.find((one) => one.key === key && one.state === 'pending');
        const claim = async (limit: number): Promise<void> => {
          const { claims } = await worker(opened.outbox).exchange({ now, leaseUntil: now + 1e9, limit });
          for (const { consumer, message } of claims) {
            const { id, key } = message;
            expect(
              held.some((one) => one.consumer === consumer.id && one.key === key),
              `${key} is held`,
            ).toBe(false);
            expect(headOf(consumer.id, key)?.id).toBe(id);
            expect(due.get(`${consumer.id} ${key}`) ?? 0).toBeLessThanOrEqual(now);
            held.push({ consumer: consumer.id, id, key });
          }
          if (claims.length === limit) return;
          for (const consumer of CONSUMERS)
            for (const key of KEYS) {
              const isFree = !held.some((one) => one.consumer === consumer && one.key === key);
              const isDue = headOf(consumer, key) !== undefined && (due.get(`${consumer} ${key}`) ?? 0) <= now;
              expect(isFree && isDue, `${consumer} ${key} was left out`).toBe(false);
            }
        };
        const settle = async (which: number, outcome: Exclude<Step & { kind: 'settle' }, never>['outcome']): Promise<void> => {
          const one = held[which % Math.max(1, held.length)];
          if (one === undefined) return;
          held = held.filter((other) => other !== one);
          const delivery = model.get(one.consumer)?.find(({ id }) => id === one.id);
          if (delivery !== undefined && (outcome === 'delivered' || outcome === 'dead')) delivery.state = outcome;
          if (outcome === 'failed') due.set(`${one.consumer} ${one.key}`, now + 1_000);
          else due.delete(`${one.consumer} ${one.key}`);
          await worker(opened.outbox).exchange({
            now,
            limit: 0,
            settled: [settledOf(one.consumer, one, { outcome, retryAt: now + 1_000 })],
          });
        };
        for (const one of steps) {
          if (one.kind === 'record') {
            const messages = one.keys.map((key) => messageOf(`m${++count}`, KEYS[key], { at: now }));
            await opened.store.commit(commitOf({ messages }));
            for (const deliveries of model.values())
              deliveries.push(...messages.map(({ id, key }) => ({ id, key, state: 'pending' as const })));
          } else if (one.kind === 'claim') await claim(one.limit);
          else if (one.kind === 'settle') await settle(one.which, one.outcome);
          else if (one.kind === 'pass') now += 600;
          else if (one.kind === 'replay') {
            const consumer = CONSUMERS[one.consumer] as string;
            const settled = model.get(consumer)?.filter(({ state }) => state !== 'pending') ?? [];
            const again = settled[one.which % Math.max(1, settled.length)];
            if (again === undefined) continue;
            again.state = 'pending';
            if (!held.some(({ consumer: of, key }) => of === consumer && key === again.key)) due.delete(`${consumer} ${again.key}`);
            expect(await opened.outbox.replay(consumer, { messageIds: [again.id] }, now, null)).toEqual({ count: 1, cursor: null });
          } else {
            await opened.close();
            opened = await place.open();
            held = [];
          }
        }
        now += 1_000;
        while (held.length > 0) await settle(0, 'delivered');
        for (let before = -1; before !== 0; ) {
          before = 0;
          await claim(100);
          before = held.length;
          while (held.length > 0) await settle(0, 'delivered');
        }
        for (const consumer of CONSUMERS) {
          const { items } = await opened.outbox.deliveries(consumer, null, 1_000, null);
          expect(items.map(({ message, state }) => `${message.id} ${state}`).reverse()).toEqual(
            model.get(consumer)?.map(({ id, state }) => `${id} ${state}`),
          );
          expect(items.every(({ state }) => state !== 'pending')).toBe(true);
        }
        await opened.close();
        await place.remove();
      }),
      { numRuns: 10 },
    );
  });
}
