import type { Actor } from '@waycast/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Happened } from './events.ts';
import { noticesOf } from './notices.ts';
import { at, BY, stop, T0 } from './testing/samples.ts';
import { changeStatus, countFix, createdEvent, newTrip, type Trip } from './trip.ts';

const PUBLIC_URL = 'https://track.example/';

function ride(more: object = {}): Trip {
  const stops = [
    stop('A', 'pickup', 1_000, { partyId: 'pia', bookingId: 'b1' }),
    stop('B', 'dropoff', 9_000, { partyId: 'pia', bookingId: 'b1' }),
  ];
  return newTrip('r', { kind: 'ride', driverId: 'd', driverName: 'Drew', stops, ...more }, 'digest', T0);
}

function delivery(more: object = {}): Trip {
  const stops = [stop('shop', 'pickup', 0, { partyId: 'shop' }), stop('door', 'dropoff', 900)];
  return newTrip('TRK-1', { kind: 'delivery', driverId: 'd', orderId: 'o/1', stops, ...more }, 'digest', T0);
}

const told = (trip: Trip, events: readonly Happened[], url: string | undefined = PUBLIC_URL) =>
  events.flatMap((event) => noticesOf(event, trip, url));

describe('a ride [W2]', () => {
  it('tells the passenger that the driver approaches, with the minutes to the pickup, rounded up', () => {
    const trip = ride();
    // 450 m at 30 km/h: 54 s and a fifth more, 64 s.
    expect(told(trip, countFix(trip, at(1, 550, { speed: 30 })))).toEqual([
      {
        topic: 'notification',
        type: 'driver_approaching',
        body: {
          user_id: 'pia',
          type: 'driver_approaching',
          data: { ride_id: 'r', booking_id: 'b1', driver_name: 'Drew', eta_minutes: 2 },
        },
      },
    ]);
  });

  it('counts a minute that has begun, and a whole one as one', () => {
    const minutes = (metres: number, speed: number | null) => {
      const trip = ride();
      const [notice] = told(trip, countFix(trip, at(1, 1_000 - metres, { speed })));
      return (notice?.body.data as { eta_minutes: number } | undefined)?.eta_minutes;
    };
    // 40 km/h without a speed: 500 m are 45 s and 9 more.
    expect(minutes(499.9, null)).toBe(1);
    expect(minutes(499.9, 0)).toBe(1);
    // 36 km/h: 500 m are 50 s and 10 more.
    expect(minutes(499.99, 36)).toBe(1);
    expect(minutes(499.99, 35)).toBe(2);
    expect(minutes(400, 1)).toBe(29);
  });

  it('tells of the arrival, without minutes', () => {
    const trip = ride();
    expect(told(trip, countFix(trip, at(1, 1_000)))).toEqual([
      {
        topic: 'notification',
        type: 'driver_arrived',
        body: { user_id: 'pia', type: 'driver_arrived', data: { ride_id: 'r', booking_id: 'b1', driver_name: 'Drew' } },
      },
    ]);
  });

  it('tells nobody of drop-offs, departures, statuses, and of pickups of nobody', () => {
    const trip = ride();
    countFix(trip, at(1, 1_000));
    expect(told(trip, [...countFix(trip, at(2, 2_000)), ...countFix(trip, at(3, 2_000)), ...countFix(trip, at(4, 9_000))])).toEqual([]);
    expect(told(trip, [createdEvent(trip, BY), ...changeStatus(trip, 'EN_ROUTE', T0, BY)])).toEqual([]);
    const anonymous = ride({ stops: [stop('A', 'pickup', 0)] });
    expect(told(anonymous, countFix(anonymous, at(1, 0)))).toEqual([]);
  });
});

describe('a delivery with an order [W3]', () => {
  const url = 'https://track.example/tracking/TRK-1';
  const data = (status: string) => ({ tracking_id: 'TRK-1', order_id: 'o/1', status, url });
  const change = (trip: Trip, status: Trip['status']) => told(trip, changeStatus(trip, status, T0 + 5_000, BY));

  it('with a phone: a text when it begins, and for every status', () => {
    const trip = delivery({ phone: '+4912345' });
    const sms = { channel: 'sms', to: '+4912345' };
    expect(told(trip, [createdEvent(trip, BY)])).toEqual([
      { topic: 'notification', type: 'tracking_started', body: { ...sms, type: 'tracking_started', data: data('ASSIGNED') } },
    ]);
    expect(change(trip, 'PICKED_UP')).toEqual([
      { topic: 'notification', type: 'status_changed', body: { ...sms, type: 'status_changed', data: data('PICKED_UP') } },
    ]);
  });

  it('at its end confirms it, and tells the order service when', () => {
    const trip = delivery({ phone: '+4912345' });
    change(trip, 'PICKED_UP');
    change(trip, 'IN_TRANSIT');
    expect(change(trip, 'DELIVERED').map(({ topic, type, body }) => [topic, type, body.data ?? body])).toEqual([
      ['notification', 'status_changed', data('DELIVERED')],
      ['notification', 'delivered', data('DELIVERED')],
      [
        'order',
        'DELIVERED',
        { order_id: 'o/1', status: 'DELIVERED', delivered_at: Date.parse('2026-01-05T08:00:05.000Z') / 1000, tracking_id: 'TRK-1' },
      ],
    ]);
  });

  it('without a phone: nothing when it begins, then a push to the party of the drop-off', () => {
    const trip = delivery({ stops: [stop('shop', 'pickup', 0, { partyId: 'shop' }), stop('door', 'dropoff', 900, { partyId: 'cleo' })] });
    expect(told(trip, [createdEvent(trip, BY)])).toEqual([]);
    expect(change(trip, 'PICKED_UP').map(({ body }) => body)).toEqual([
      { channel: 'push', to: 'cleo', user_id: 'cleo', type: 'status_changed', data: data('PICKED_UP') },
    ]);
  });

  it('with nobody named: a push to whoever has the order', () => {
    expect(change(delivery(), 'CANCELLED').map(({ body }) => body)).toEqual([
      { channel: 'push', to: 'o/1', type: 'status_changed', data: data('CANCELLED') },
    ]);
  });

  it('has no link where nobody knows the address of this server', () => {
    const trip = delivery({ phone: '1' });
    const [notice] = noticesOf(createdEvent(trip, BY), trip, undefined);
    expect(notice?.body.data).toMatchObject({ url: null });
  });

  it('and one without an order tell nobody', () => {
    const trip = newTrip('x', { kind: 'delivery', driverId: 'd', stops: [] }, 'digest', T0);
    expect(told(trip, [createdEvent(trip, BY), ...changeStatus(trip, 'PICKED_UP', T0, BY)])).toEqual([]);
  });
});

it('events of a driver tell nobody', () => {
  expect(noticesOf({ id: 'd/online/1', kind: 'online', driverId: 'd', at: 1 }, null, PUBLIC_URL)).toEqual([]);
});

it('whatever happens, notices are plain JSON, and deciding changes neither trip nor event', () => {
  const by: Actor = BY;
  const steps = fc.array(
    fc.oneof(
      fc.record({ metres: fc.integer({ min: 0, max: 2_000 }), speed: fc.option(fc.integer({ min: 0, max: 120 })) }),
      fc.constantFrom('EN_ROUTE', 'ARRIVED', 'PICKED_UP', 'IN_TRANSIT', 'DELIVERED', 'CANCELLED'),
    ),
    { maxLength: 30 },
  );
  fc.assert(
    fc.property(steps, fc.boolean(), fc.option(fc.constant('+49')), (taken, isRide, phone) => {
      const trip = isRide ? ride() : delivery(phone === null ? {} : { phone });
      for (const [second, step] of taken.entries()) {
        let events: Happened[] = [];
        if (typeof step === 'object') events = countFix(trip, at(second, step.metres, { speed: step.speed }));
        else {
          try {
            events = changeStatus(trip, step as Trip['status'], T0 + second, by);
          } catch {
            continue;
          }
        }
        for (const event of events) {
          const before = JSON.stringify([trip, event]);
          for (const { body, type } of noticesOf(event, trip, PUBLIC_URL)) {
            expect(JSON.parse(JSON.stringify(body))).toEqual(body);
            const { eta_minutes: minutes } = (body.data ?? {}) as { eta_minutes?: number };
            if (type === 'driver_approaching') expect(Number.isInteger(minutes) && (minutes as number) >= 1).toBe(true);
          }
          expect(JSON.stringify([trip, event])).toBe(before);
        }
      }
    }),
    { numRuns: 200 },
  );
});
