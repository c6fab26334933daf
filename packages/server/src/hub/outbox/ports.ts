import type { Page } from '../page.ts';

/** What goes out: one message per event, and what it has to tell the services outside. Epoch ms. */
export interface OutgoingMessage {
  /** Stable over retries, replays and restarts; of `A-Za-z0-9_-`. */
  readonly id: string;
  /** Of the event that led to it. One recorded before leads to nothing more. */
  readonly eventId: string | null;
  readonly topic: 'event' | 'notification' | 'order' | 'test';
  /** `trip.status`, `stop.arrived`, `driver.online`, `driver_approaching`, ... */
  readonly type: string;
  /** The feed it is about: messages of one key reach a consumer in order. */
  readonly key: string;
  /** When it was decided. */
  readonly at: number;
  /** Of the trip. */
  readonly labels: readonly string[];
  /** JSON, as it is sent. */
  readonly body: string;
}

/** Signs until `until`, epoch ms; null: for good. */
export interface SigningSecret {
  readonly secret: string;
  readonly until: number | null;
}

/** Somebody who gets messages: a webhook, or one of the two built in. */
export interface Consumer {
  readonly id: string;
  readonly kind: 'webhook' | 'notifications' | 'orders';
  /** null: nowhere yet; what it wants waits. */
  readonly url: string | null;
  readonly topic: OutgoingMessage['topic'];
  /** Types, or `trip.*` for all that begin so; null: all. */
  readonly types: readonly string[] | null;
  /** Only messages of trips with one of these; null: all. */
  readonly labels: readonly string[] | null;
  readonly description: string | null;
  readonly secrets: readonly SigningSecret[];
  readonly enabled: boolean;
  readonly disabledReason: string | null;
  readonly createdAt: number;
  /** +1 with every change. */
  readonly revision: number;
}

/** One try to deliver a message. */
export interface Attempt {
  readonly at: number;
  /** ms it took. */
  readonly duration: number;
  /** null when no answer came. */
  readonly status: number | null;
  readonly error: string | null;
  /** What the other side said, the beginning of it. */
  readonly answer: string | null;
}

export type DeliveryState = 'pending' | 'delivered' | 'dead';

/** A message on its way to a consumer. */
export interface DeliveryRecord {
  readonly message: Omit<OutgoingMessage, 'body' | 'labels' | 'eventId'>;
  readonly state: DeliveryState;
  /** Of this life of the delivery: a replay begins another one. */
  readonly since: number;
  readonly settledAt: number | null;
  /** How often it was tried; `attempts` keeps the last ten. */
  readonly tries: number;
  readonly attempts: readonly Attempt[];
}

/** A lane to work on: the oldest pending message of one (consumer, key), held until `leaseUntil`. */
export interface Claim {
  readonly consumer: Consumer;
  readonly message: OutgoingMessage;
  /** Failures in a row of this message, in this life of the delivery. */
  readonly tries: number;
  readonly since: number;
}

/** What became of a claim. */
export interface Settled {
  readonly consumerId: string;
  readonly key: string;
  readonly messageId: string;
  /** `given back`: it was not tried. */
  readonly outcome: 'delivered' | 'failed' | 'dead' | 'given back';
  readonly attempt: Attempt | null;
  /** When a failed one is tried again. */
  readonly retryAt: number;
  /** Why the consumer gets nothing more; null: it goes on. */
  readonly disable: string | null;
  /** The consumer answers again: what waits for it is due now. */
  readonly recovered: boolean;
}

export interface Exchange {
  readonly now: number;
  /** Who claims; what somebody else has claimed meanwhile is not settled by it. */
  readonly holder: string;
  readonly leaseUntil: number;
  readonly settled: readonly Settled[];
  /** At most so many claims, of each consumer, and of those named here. */
  readonly limit: number;
  readonly perConsumer: number;
  readonly room: Readonly<Record<string, number>>;
}

export interface Exchanged {
  readonly claims: readonly Claim[];
  /** When the next lane of a consumer with room falls due, epoch ms; null for none. */
  readonly nextAt: number | null;
}

/** Which deliveries are made again: messages since a time that the consumer wants, or single ones that are settled. */
export type Replay = { readonly since: number } | { readonly messageIds: readonly string[] };

/**
 * Messages on their way out, durable. `Store.commit` and `Store.changeTrip` put them in, in the transaction that
 * records their events, with a delivery for every enabled consumer that wants them.
 */
export interface Outbox {
  /** Settles what was sent and claims what is due, at once. One holder has a lane until it settles or its lease ends. */
  exchange(exchange: Exchange): Promise<Exchanged>;
  consumers(): Promise<readonly Consumer[]>;
  /** Creates (`expected` 0) or changes a consumer; answers false when its revision was another. */
  putConsumer(consumer: Consumer, expected: number): Promise<boolean>;
  /** Its deliveries go with it. Answers false when there is none. */
  removeConsumer(id: string): Promise<boolean>;
  /** A message for this consumer alone. */
  enqueue(consumerId: string, message: OutgoingMessage): Promise<void>;
  /** Newest first. */
  deliveries(consumerId: string, state: DeliveryState | null, limit: number, cursor: string | null): Promise<Page<DeliveryRecord>>;
  /** One step of making deliveries again; `cursor` is null when there are no more. */
  replay(
    consumerId: string,
    which: Replay,
    now: number,
    cursor: string | null,
  ): Promise<{ readonly count: number; readonly cursor: string | null }>;
  /**
   * One small step of forgetting: deliveries that waited since before `expired` for a consumer that gets nothing
   * become dead, messages of before `old` go unless they are still pending. Answers whether there is more.
   */
  prune(now: number, expired: number, old: number): Promise<boolean>;
  counts(): Promise<{ readonly pending: number; readonly dead: number }>;
}

/** What came of one request. Times in ms; `retryAfter` in s. */
export interface SendResult {
  readonly status: number | null;
  readonly error: string | null;
  readonly answer: string | null;
  readonly retryAfter: number | null;
  readonly duration: number;
}

/** The way out of the house. */
export interface Sender {
  /** Never rejects: what went wrong is in the result. `at`: now, epoch ms. */
  send(consumer: Consumer, message: OutgoingMessage, at: number, signal: AbortSignal): Promise<SendResult>;
  /** Why nothing may be sent there; null when it may. */
  whyNot(url: string): string | null;
}
