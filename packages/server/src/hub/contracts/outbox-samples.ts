import type { Consumer, Exchange, Exchanged, Outbox, OutgoingMessage, Settled } from '../outbox/ports.ts';
import { T0 } from './samples.ts';

export const HOUR = 3_600_000;

export function messageOf(id: string, key = 'trip:t', more: Partial<OutgoingMessage> = {}): OutgoingMessage {
  return { id, eventId: `${id}/event`, topic: 'event', type: 'trip.status', key, at: T0, labels: [], body: `{"id":"${id}"}`, ...more };
}

export function consumerOf(id: string, more: Partial<Consumer> = {}): Consumer {
  return {
    id,
    kind: 'webhook',
    url: 'https://receiver.example/hook',
    topic: 'event',
    types: null,
    labels: null,
    description: null,
    secrets: [{ secret: 'whsec_x', until: null }],
    enabled: true,
    disabledReason: null,
    createdAt: T0,
    revision: 1,
    ...more,
  };
}

export function settledOf(consumerId: string, message: Pick<OutgoingMessage, 'id' | 'key'>, more: Partial<Settled> = {}): Settled {
  const attempt = { at: T0, duration: 5, status: 200, error: null, answer: 'ok' };
  const about = { consumerId, key: message.key, messageId: message.id };
  return { ...about, outcome: 'delivered', attempt, retryAt: T0, disable: null, recovered: false, ...more };
}

/** One who works on an outbox, and what it claims, as `consumer/message`. */
export function worker(outbox: Outbox, holder = 'me') {
  const exchange = (more: Partial<Exchange> = {}): Promise<Exchanged> => {
    const now = more.now ?? T0;
    return outbox.exchange({ now, holder, leaseUntil: now + 60_000, settled: [], limit: 32, perConsumer: 8, room: {}, ...more });
  };
  const claim = async (more: Partial<Exchange> = {}): Promise<string[]> =>
    (await exchange(more)).claims.map(({ consumer, message }) => `${consumer.id}/${message.id}`).sort();
  return { exchange, claim };
}
