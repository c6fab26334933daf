import { randomBytes } from 'node:crypto';
import {
  isoTime,
  parseMoment,
  type ReplayInput,
  type SecretInput,
  WaycastError,
  type WebhookInput,
  type WebhookPatch,
} from '@waycast/protocol';
import { mustManageWebhooks, mustReadWebhooks } from '../access.ts';
import type { Page } from '../page.ts';
import type { Clock } from '../ports.ts';
import type { Principal } from '../principal.ts';
import type { Dispatcher } from './dispatcher.ts';
import { messageId } from './outgoing.ts';
import type { Consumer, DeliveryRecord, DeliveryState, Outbox, Replay, Sender } from './ports.ts';
import { mustBeSecret, newSecret, rotated } from './secrets.ts';

const MOST_WEBHOOKS = 100;
const OVERLAP_SECONDS = 86_400;
/** A consumer changes now and then while we look; this often we look again. */
const ATTEMPTS = 20;

export interface WebhooksParts {
  readonly outbox: Outbox;
  readonly dispatcher: Dispatcher;
  readonly sender: Sender;
  readonly clock: Clock;
}

/** A consumer, and whether it fails just now. */
export interface Webhook {
  readonly consumer: Consumer;
  readonly isFailing: boolean;
}

/** Webhooks, and the two consumers built in, as callers see them [W12]. */
export class Webhooks {
  readonly #parts: WebhooksParts;

  constructor(parts: WebhooksParts) {
    this.#parts = parts;
  }

  /** Answers the secret too, this once. */
  async create(who: Principal, input: WebhookInput): Promise<Webhook & { secret: string }> {
    mustManageWebhooks(who);
    const { outbox, clock } = this.#parts;
    const { url, events = null, labels = null, description = null } = input;
    this.#mustBeAllowed(url);
    const secret = input.secret === undefined ? newSecret() : mustBeSecret(input.secret);
    if ((await outbox.consumers()).filter(({ kind }) => kind === 'webhook').length >= MOST_WEBHOOKS)
      throw new WaycastError('too_many_webhooks', `${MOST_WEBHOOKS} webhooks are the most`);
    const consumer: Consumer = {
      id: `wh_${randomBytes(12).toString('base64url')}`,
      kind: 'webhook',
      url,
      topic: 'event',
      types: events,
      labels,
      description,
      secrets: [{ secret, until: null }],
      enabled: true,
      disabledReason: null,
      createdAt: clock.now(),
      revision: 1,
    };
    await outbox.putConsumer(consumer, 0);
    return { ...this.#seen(consumer), secret };
  }

  async list(who: Principal): Promise<readonly Webhook[]> {
    mustReadWebhooks(who);
    return (await this.#parts.outbox.consumers()).map((consumer) => this.#seen(consumer));
  }

  /** @throws WaycastError `not_found` */
  async find(who: Principal, id: string): Promise<Webhook> {
    mustReadWebhooks(who);
    return this.#seen(await this.#get(id));
  }

  /** Enabling it, or sending it elsewhere, gives it another chance. */
  async patch(who: Principal, id: string, { url, events, labels, description, enabled }: WebhookPatch): Promise<Webhook> {
    mustManageWebhooks(who);
    if (url !== undefined) this.#mustBeAllowed(url);
    const consumer = await this.#change(id, (one) => ({
      ...one,
      ...(url !== undefined && { url }),
      ...(events !== undefined && { types: events }),
      ...(labels !== undefined && { labels }),
      ...(description !== undefined && { description }),
      ...(enabled !== undefined && { enabled, disabledReason: enabled ? null : (one.disabledReason ?? 'disabled by an admin') }),
    }));
    this.#parts.dispatcher.changed(id);
    return this.#seen(consumer);
  }

  async remove(who: Principal, id: string): Promise<void> {
    mustManageWebhooks(who);
    mustBeOurs(await this.#get(id));
    await this.#parts.outbox.removeConsumer(id);
    this.#parts.dispatcher.changed(id);
  }

  /** A new secret; those before sign beside it for a while. Answers it, this once. */
  async rotate(who: Principal, id: string, input: SecretInput): Promise<Webhook & { secret: string }> {
    mustManageWebhooks(who);
    const secret = input.secret === undefined ? newSecret() : mustBeSecret(input.secret);
    const now = this.#parts.clock.now();
    const until = now + (input.overlapSeconds ?? OVERLAP_SECONDS) * 1000;
    const consumer = await this.#change(id, (one) => ({ ...one, secrets: rotated(one.secrets, secret, now, until) }));
    return { ...this.#seen(consumer), secret };
  }

  /** Sends a message that says it is a test. Answers its id. */
  async test(who: Principal, id: string): Promise<string> {
    mustManageWebhooks(who);
    const { outbox, clock, dispatcher } = this.#parts;
    const consumer = await this.#get(id);
    mustBeOurs(consumer);
    if (!consumer.enabled) throw new WaycastError('webhook_disabled', consumer.disabledReason ?? undefined);
    const at = clock.now();
    const type = 'webhook.test';
    const body = JSON.stringify({ type, timestamp: isoTime(at), data: { webhookId: id } });
    const message = messageId(type, id, at, randomBytes(8).toString('hex'));
    await outbox.enqueue(id, { id: message, eventId: null, topic: 'test', type, key: `webhook:${id}`, at, labels: [], body });
    dispatcher.wake();
    return message;
  }

  async deliveries(
    who: Principal,
    id: string,
    state: DeliveryState | null,
    limit: number,
    cursor: string | null,
  ): Promise<Page<DeliveryRecord>> {
    mustReadWebhooks(who);
    await this.#get(id);
    return this.#parts.outbox.deliveries(id, state, limit, cursor);
  }

  /** Makes deliveries again, under their ids. Answers how many. */
  async replay(who: Principal, id: string, { since, deliveries }: ReplayInput): Promise<number> {
    mustManageWebhooks(who);
    const { outbox, clock, dispatcher } = this.#parts;
    await this.#get(id);
    const which: Replay = deliveries === undefined ? { since: momentOf(since ?? '') } : { messageIds: deliveries };
    const now = clock.now();
    let count = 0;
    let cursor: string | null = null;
    do {
      const step: Awaited<ReturnType<Outbox['replay']>> = await outbox.replay(id, which, now, cursor);
      count += step.count;
      cursor = step.cursor;
    } while (cursor !== null);
    dispatcher.wake();
    return count;
  }

  async #get(id: string): Promise<Consumer> {
    const consumer = (await this.#parts.outbox.consumers()).find((one) => one.id === id);
    if (consumer === undefined) throw new WaycastError('not_found', 'no such webhook');
    return consumer;
  }

  async #change(id: string, change: (consumer: Consumer) => Consumer): Promise<Consumer> {
    for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
      const before = await this.#get(id);
      mustBeOurs(before);
      const after = { ...change(before), revision: before.revision + 1 };
      if (await this.#parts.outbox.putConsumer(after, before.revision)) return after;
    }
    throw new WaycastError('revision_conflict');
  }

  #seen(consumer: Consumer): Webhook {
    return { consumer, isFailing: this.#parts.dispatcher.isFailing(consumer.id) };
  }

  #mustBeAllowed(url: string): void {
    const why = this.#parts.sender.whyNot(url);
    if (why !== null) throw new WaycastError('bad_request', `url: ${why}`, { field: '/url' });
  }
}

/** The two that are built in follow the configuration. */
function mustBeOurs({ id, kind }: Consumer): void {
  if (kind !== 'webhook') throw new WaycastError('forbidden', `${id} follows the configuration`);
}

function momentOf(since: string | number): number {
  const at = parseMoment(since);
  if (Number.isNaN(at)) throw new WaycastError('bad_request', 'since: no such moment', { field: '/since' });
  return at;
}
