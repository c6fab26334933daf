import type { DeliveryState, OutgoingMessage } from '../../hub/outbox/ports.ts';

/** A message as it lies in the table `outgoing`. */
export interface MessageRow {
  readonly id: string;
  readonly topic: string;
  readonly type: string;
  readonly key: string;
  readonly at: number;
  readonly labels: string;
  readonly body: string;
}

/** What the column `state` of a delivery counts through. */
export const STATES: readonly DeliveryState[] = ['pending', 'delivered', 'dead'];
export const PENDING = 0;

/** The event it came of is only of use when it is recorded. */
export function readMessage({ id, topic, type, key, at, labels, body }: MessageRow): OutgoingMessage {
  return { id, eventId: null, topic: topic as OutgoingMessage['topic'], type, key, at, labels: JSON.parse(labels) as string[], body };
}
