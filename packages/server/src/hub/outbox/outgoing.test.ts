import { WEBHOOK_EVENTS } from '@waycast/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Happened } from '../../core/events.ts';
import { createdEvent, newTrip } from '../../core/trip.ts';
import { ManualClock } from '../contracts/manual-clock.ts';
import { BY, T0 } from '../contracts/samples.ts';
import { messageId, outgoing, typeOf } from './outgoing.ts';

const clock = new ManualClock(T0 + 1_000);
const { of } = outgoing({ clock, publicUrl: 'https://track.example', show: (event, trip) => ({ event, trip }), stored: () => undefined });
const delivery = (createdAt = T0) =>
  newTrip('TRK-1', { kind: 'delivery', orderId: 'o', phone: '1', labels: ['x'], stops: [] }, 'digest', createdAt);

describe('the messages of an event', () => {
  it('are one for whoever listens, and what it has to tell others; about its trip, decided now [W1, W3]', () => {
    const trip = delivery();
    const event = createdEvent(trip, BY);
    const messages = of(event, trip);
    const common = { eventId: event.id, key: 'trip:TRK-1', at: T0 + 1_000, labels: ['x'] };
    expect(messages).toMatchObject([
      { ...common, topic: 'event', type: 'trip.status' },
      { ...common, topic: 'notification', type: 'tracking_started' },
    ]);
    expect(JSON.parse(messages[0]?.body ?? '')).toEqual({
      type: 'trip.status',
      timestamp: '2026-01-05T08:00:00.000Z',
      data: JSON.parse(JSON.stringify({ event, trip })),
    });
    expect(new Set(messages.map(({ id }) => id)).size).toBe(2);
  });

  it('of a driver are about the driver [W7]', () => {
    const event: Happened = { id: 'TRK-1/online/5', kind: 'online', driverId: 'TRK-1', at: 5 };
    expect(of(event, null)).toMatchObject([{ key: 'driver:TRK-1', topic: 'event', type: 'driver.online', labels: [] }]);
  });

  it('have the same ids whenever they are made, and others for a trip that came again [W5]', () => {
    const ids = (createdAt: number) => of(createdEvent(delivery(), BY), delivery(createdAt)).map(({ id }) => id);
    const first = ids(T0);
    clock.pass(5_000);
    expect(ids(T0)).toEqual(first);
    expect(ids(T0 + 1)).not.toEqual(first);
  });

  it('are of types that can be asked for, all of them [W1, W6]', () => {
    const kinds = ['status', 'assignment', 'changed', 'message', 'approaching', 'arrived', 'departed', 'online', 'offline', 'stale'];
    expect(kinds.map((kind) => typeOf({ kind } as Happened)).sort()).toEqual([...WEBHOOK_EVENTS].sort());
  });
});

it('an id is of characters any header and any path takes, whatever it is made of [W5]', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), fc.string(), (one, other) => {
      expect(messageId('event', one)).toMatch(/^msg_[A-Za-z0-9_-]{32}$/);
      expect(messageId('event', one)).toBe(messageId('event', one));
      if (one !== other) expect(messageId('event', one)).not.toBe(messageId('event', other));
    }),
  );
});
