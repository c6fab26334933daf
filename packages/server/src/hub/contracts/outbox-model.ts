import fc from 'fast-check';
import { expect, it } from 'vitest';
import type { DeliveryState, Settled } from '../outbox/ports.ts';
import type { OutboxPlace } from './outbox-place.ts';
import { consumerOf, messageOf, settledOf, worker } from './outbox-samples.ts';
import { commitOf, T0 } from './samples.ts';

const CONSUMERS = ['a', 'b'];
const KEYS = ['trip:1', 'trip:2', 'trip:3'];
const RETRY_MS = 1_000;

type Step =
  | { readonly kind: 'record'; readonly keys: readonly number[] }
  | { readonly kind: 'claim'; readonly limit: number }
  | { readonly kind: 'settle'; readonly which: number; readonly outcome: Settled['outcome'] }
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

interface Held {
  readonly consumer: string;
  readonly id: string;
  readonly key: string;
}

type Opened = Awaited<ReturnType<OutboxPlace['open']>>;

/** An outbox beside the naive truth about it: lists, looked through from the beginning. */
class Run {
  readonly #place: OutboxPlace;
  readonly #truth = new Map<string, Delivery[]>(CONSUMERS.map((id) => [id, []]));
  /** When a lane that failed is due again. */
  readonly #due = new Map<string, number>();
  #opened: Opened;
  #held: Held[] = [];
  #now = T0;
  #count = 0;

  constructor(place: OutboxPlace, opened: Opened) {
    this.#place = place;
    this.#opened = opened;
  }

  async take(one: Step): Promise<void> {
    switch (one.kind) {
      case 'record':
        return this.#record(one.keys);
      case 'claim':
        return this.#claim(one.limit);
      case 'settle':
        return this.#settle(one.which, one.outcome);
      case 'replay':
        return this.#replay(CONSUMERS[one.consumer] as string, one.which);
      case 'pass':
        this.#now += 600;
        return;
      case 'reopen':
        await this.#opened.close();
        this.#opened = await this.#place.open();
        this.#held = [];
    }
  }

  /** Works all of it off: what is there in the end is what was put in. */
  async finish(): Promise<void> {
    this.#now += RETRY_MS;
    do {
      while (this.#held.length > 0) await this.#settle(0, 'delivered');
      await this.#claim(100);
    } while (this.#held.length > 0);
    for (const consumer of CONSUMERS) {
      const { items } = await this.#opened.outbox.deliveries(consumer, null, 1_000, null);
      const truth = this.#truth.get(consumer)?.map(({ id, state }) => `${id} ${state}`);
      expect(items.map(({ message, state }) => `${message.id} ${state}`).reverse()).toEqual(truth);
      expect(items.every(({ state }) => state !== 'pending')).toBe(true);
    }
    await this.#opened.close();
    await this.#place.remove();
  }

  async #record(keys: readonly number[]): Promise<void> {
    const messages = keys.map((key) => messageOf(`m${++this.#count}`, KEYS[key], { at: this.#now }));
    await this.#opened.store.commit(commitOf({ messages }));
    for (const deliveries of this.#truth.values())
      deliveries.push(...messages.map(({ id, key }) => ({ id, key, state: 'pending' as const })));
  }

  async #claim(limit: number): Promise<void> {
    const { claims } = await worker(this.#opened.outbox).exchange({ now: this.#now, leaseUntil: this.#now + 1e9, limit });
    for (const { consumer, message } of claims) {
      const { id, key } = message;
      expect(this.#isFree(consumer.id, key), `${key} was held, empty, or not due`).toBe(true);
      expect(this.#head(consumer.id, key)?.id).toBe(id);
      this.#held.push({ consumer: consumer.id, id, key });
    }
    if (claims.length === limit) return;
    for (const consumer of CONSUMERS)
      for (const key of KEYS) expect(this.#isFree(consumer, key), `${consumer} ${key} was left out`).toBe(false);
  }

  async #settle(which: number, outcome: Settled['outcome']): Promise<void> {
    const one = this.#held[which % Math.max(1, this.#held.length)];
    if (one === undefined) return;
    this.#held = this.#held.filter((other) => other !== one);
    const delivery = this.#truth.get(one.consumer)?.find(({ id }) => id === one.id);
    if (delivery !== undefined && (outcome === 'delivered' || outcome === 'dead')) delivery.state = outcome;
    const retryAt = this.#now + RETRY_MS;
    if (outcome === 'failed') this.#due.set(`${one.consumer} ${one.key}`, retryAt);
    else this.#due.delete(`${one.consumer} ${one.key}`);
    const settled = [settledOf(one.consumer, one, { outcome, retryAt })];
    await worker(this.#opened.outbox).exchange({ now: this.#now, limit: 0, settled });
  }

  async #replay(consumer: string, which: number): Promise<void> {
    const settled = this.#truth.get(consumer)?.filter(({ state }) => state !== 'pending') ?? [];
    const again = settled[which % Math.max(1, settled.length)];
    if (again === undefined) return;
    again.state = 'pending';
    // Whoever asks does not want to wait for what failed before it.
    if (!this.#isHeld(consumer, again.key)) this.#due.delete(`${consumer} ${again.key}`);
    expect(await this.#opened.outbox.replay(consumer, { messageIds: [again.id] }, this.#now, null)).toEqual({ count: 1, cursor: null });
  }

  #head(consumer: string, key: string): Delivery | undefined {
    return this.#truth.get(consumer)?.find((one) => one.key === key && one.state === 'pending');
  }

  #isHeld(consumer: string, key: string): boolean {
    return this.#held.some((one) => one.consumer === consumer && one.key === key);
  }

  #isFree(consumer: string, key: string): boolean {
    const isDue = (this.#due.get(`${consumer} ${key}`) ?? 0) <= this.#now;
    return isDue && this.#head(consumer, key) !== undefined && !this.#isHeld(consumer, key);
  }
}

/** Random work against the naive truth: of each lane the oldest pending one is handed out, to one at a time, and nothing is lost. */
export function outboxAgainstModel(name: string, make: () => OutboxPlace): void {
  it(`${name} against a naive model: random work, opened again at random: in order, one at a time, all of it [W7, W8]`, async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 10, maxLength: 80, size: 'max' }), async (steps) => {
        const place = make();
        const opened = await place.open();
        for (const id of CONSUMERS) await opened.outbox.putConsumer(consumerOf(id), 0);
        const run = new Run(place, opened);
        for (const one of steps) await run.take(one);
        await run.finish();
      }),
      { numRuns: 10 },
    );
  });
}
