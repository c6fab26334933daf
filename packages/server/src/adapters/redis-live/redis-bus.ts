import type { Delivery, FleetFrame } from '../../hub/delivery.ts';
import type { Bus } from '../../hub/ports.ts';
import type { RedisReply } from '../redis/link.ts';
import type { RedisCall, RedisConnection } from '../redis/redis-connection.ts';
import { decodeMany, encodeDelivery, encodeMany } from './delivery-codec.ts';
import { FOR_BUS, type Interest } from './interest.ts';
import type { Turn, Writer } from './turn.ts';

const FLEET: FleetFrame['feed'] = 'fleet';
const PROCESS = 'process:';
/** So many deliveries may wait to be written; more are dropped, and others are told that something was. */
const MOST_WAITING = 50_000;

export interface RedisBusParts {
  readonly connection: RedisConnection;
  readonly home: number;
  readonly interest: Interest;
  readonly turn: Turn;
}

/**
 * The bus of many processes: what one turn publishes goes as one message into the inbox of each process that wants it.
 * Whoever wants it here gets it at once, without Redis.
 */
export class RedisBus implements Bus, Writer {
  readonly inbox: string;
  readonly fleet: string;
  readonly #parts: RedisBusParts;
  readonly #joined = new Set<string>();
  #deliver: ((delivery: Delivery) => void) | undefined;
  #doubt: (() => void) | undefined;
  #waiting = new Map<number, string[]>();
  #waitingFleet: string[] = [];
  #count = 0;
  #lost = 0;

  constructor(parts: RedisBusParts) {
    this.#parts = parts;
    this.inbox = this.#inboxOf(parts.home);
    this.fleet = `${parts.connection.prefix}fleet`;
    parts.turn.add(this);
  }

  /** How often something could not be sent. */
  get lost(): number {
    return this.#lost;
  }

  publish(delivery: Delivery): void {
    const { feed } = delivery;
    if (this.#joined.has(feed)) this.#deliver?.(delivery);
    if (feed === FLEET) this.#gather(this.#waitingFleet, delivery);
    else if (feed.startsWith(PROCESS)) this.#send(Number(feed.slice(PROCESS.length)), delivery);
    else for (const home of this.#parts.interest.homes(feed)) this.#send(home, delivery);
  }

  /** Feeds of processes and of the fleet reach whom they are for without asking. */
  join(feed: string): void {
    this.#joined.add(feed);
    if (feed !== FLEET && !feed.startsWith(PROCESS)) this.#parts.interest.want(feed, FOR_BUS);
  }

  leave(feed: string): void {
    if (this.#joined.delete(feed)) this.#parts.interest.unwant(feed, FOR_BUS);
  }

  listen(deliver: (delivery: Delivery) => void, doubt: () => void): void {
    this.#deliver = deliver;
    this.#doubt = doubt;
  }

  known(): Promise<boolean> {
    return this.#parts.interest.known();
  }

  /** Others may have published what did not reach this process. */
  doubt(): void {
    this.#doubt?.();
  }

  /** A message of our inbox, or of the fleet's channel. */
  hear(channel: string, text: string): void {
    if (channel === this.inbox) {
      this.#takeAll(decodeMany(text));
      return;
    }
    const [home] = text.split(' ', 1);
    if (Number(home) !== this.#parts.home) this.#takeAll(decodeMany(text.slice(text.indexOf(' ') + 1)));
  }

  calls(): RedisCall[] {
    const calls: RedisCall[] = [];
    for (const [home, texts] of this.#waiting) calls.push(this.#parts.connection.message(this.#inboxOf(home), encodeMany(texts)));
    if (this.#waitingFleet.length > 0)
      calls.push(this.#parts.connection.message(this.fleet, `${this.#parts.home} ${encodeMany(this.#waitingFleet)}`));
    this.#begin();
    return calls;
  }

  answered(_calls: readonly RedisCall[], replies: readonly RedisReply[]): void {
    if (replies.some((reply) => reply instanceof Error)) this.#lost++;
  }

  drop(): void {
    if (this.#count > 0) this.#lost++;
    this.#begin();
  }

  #begin(): void {
    this.#waiting.clear();
    this.#waitingFleet = [];
    this.#count = 0;
  }

  #takeAll(deliveries: readonly Delivery[]): void {
    for (const delivery of deliveries) if (this.#joined.has(delivery.feed)) this.#deliver?.(delivery);
  }

  #send(home: number, delivery: Delivery): void {
    if (home === this.#parts.home) return;
    let texts = this.#waiting.get(home);
    if (texts === undefined) {
      texts = [];
      this.#waiting.set(home, texts);
    }
    this.#gather(texts, delivery);
  }

  #gather(texts: string[], delivery: Delivery): void {
    if (this.#count >= MOST_WAITING) {
      this.#lost++;
      return;
    }
    this.#count++;
    texts.push(encodeDelivery(delivery));
    this.#parts.turn.touch(!canWait(delivery));
  }

  #inboxOf(home: number): string {
    return `${this.#parts.connection.prefix}inbox:${home}`;
  }
}

/** Positions and watermarks come all the time. With everything else goes what changed beside it: whoever hears of it finds it. */
function canWait(delivery: Delivery): boolean {
  if (delivery.type === 'telling') return delivery.telling.kind === 'accepted' || delivery.telling.kind === 'stored';
  return delivery.type === 'location' || delivery.type === 'fleet';
}
