import { createHash } from 'node:crypto';
import { isoTime, type WebhookEvent } from '@waycast/protocol';
import type { Happened } from '../../core/events.ts';
import { noticesOf } from '../../core/notices.ts';
import type { Trip } from '../../core/trip.ts';
import type { Clock } from '../ports.ts';
import type { OutgoingMessage } from './ports.ts';

/** Makes the messages an event leads to, and hears when they are stored. */
export interface Outgoing {
  of(event: Happened, trip: Trip | null): readonly OutgoingMessage[];
  stored(): void;
}

export interface OutgoingParts {
  readonly clock: Clock;
  /** Where people reach this server, for links. */
  readonly publicUrl: string | undefined;
  /** An event and its trip as clients see them. */
  readonly show: (event: Happened, trip: Trip | null) => { readonly event: unknown; readonly trip: unknown };
  readonly stored: () => void;
}

/** Decided when the event is: what is sent later says how things stood then [W1]. */
export function outgoing({ clock, publicUrl, show, stored }: OutgoingParts): Outgoing {
  return {
    of: (event, trip) => {
      const about = trip === null ? `driver:${event.driverId}` : `trip:${trip.id}`;
      const common = { eventId: event.id, key: about, at: clock.now(), labels: trip?.labels ?? [] };
      const message = (topic: OutgoingMessage['topic'], type: string, body: unknown): OutgoingMessage => ({
        ...common,
        id: messageId(topic, type, event.id, trip?.createdAt ?? 0),
        topic,
        type,
        body: JSON.stringify(body),
      });
      const type = typeOf(event);
      return [
        message('event', type, { type, timestamp: isoTime(event.at), data: show(event, trip) }),
        ...noticesOf(event, trip, publicUrl).map((notice) => message(notice.topic, notice.type, notice.body)),
      ];
    },
    stored,
  };
}

/** A house from which nothing goes out. */
export const nothingOutgoing: Outgoing = { of: () => [], stored: () => undefined };

export function typeOf(event: Happened): WebhookEvent {
  switch (event.kind) {
    case 'status':
    case 'assignment':
    case 'changed':
    case 'message':
      return `trip.${event.kind}`;
    case 'approaching':
    case 'arrived':
    case 'departed':
      return `stop.${event.kind}`;
    case 'online':
    case 'offline':
    case 'stale':
      return `driver.${event.kind}`;
  }
}

/** A trip that was removed may come again under its id, with events of the same ids: the time of its creation tells them apart. */
export function messageId(...parts: readonly (string | number)[]): string {
  return `msg_${createHash('sha256').update(parts.join('\n')).digest('base64url').slice(0, 32)}`;
}
