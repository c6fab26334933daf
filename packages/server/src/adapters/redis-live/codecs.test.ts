import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { activeTrip, type Driver, newDriver } from '../../core/driver.ts';
import { planOf } from '../../core/eta.ts';
import { stopsFrom } from '../../core/stops.ts';
import { newTrip } from '../../core/trip.ts';
import { EVERY_KIND } from '../../hub/contracts/bus.ts';
import { T0 } from '../../hub/contracts/samples.ts';
import type { Delivery } from '../../hub/delivery.ts';
import { decodeMany, decodePublished, encodeDelivery, encodeMany } from './delivery-codec.ts';
import { decodeDriver, encodeHeavy, encodeLight, lightBeginning } from './driver-codec.ts';

const measure = fc.double({ noNaN: true, noDefaultInfinity: true }).map((one) => one + 0);
const maybe = fc.option(measure);
const whole = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER });
const text = fc.string({ unit: 'binary' });
const fix = fc.record({ lat: measure, lng: measure, at: whole, speed: maybe, bearing: maybe, accuracy: maybe, altitude: maybe });
const degrees = fc.integer({ min: -900_000_000, max: 900_000_000 }).map((one) => one / 1e7);
const place = fc.record({ type: fc.constantFrom('pickup', 'dropoff', 'waypoint'), lat: degrees, lng: degrees, partyId: text, name: text });
const stops = fc.array(place, { maxLength: 3 }).map((inputs) => stopsFrom(inputs));
const plan = fc.option(stops.map((some) => planOf('ride', some)));
const location = fc.record({
  type: fc.constant('location' as const),
  feed: text,
  epoch: text,
  seq: whole,
  driverId: text,
  fix,
  plan,
  now: whole,
});

describe('deliveries as text', () => {
  it('are the same again, however plans and fixes are shared [P7]', () => {
    fc.assert(
      fc.property(fc.array(location, { maxLength: 8 }), fc.array(fc.nat({ max: 7 })), (made, picks) => {
        const shared = picks.flatMap((i, n) => {
          const one = made[i % Math.max(1, made.length)];
          return one === undefined ? [] : [one, { ...one, feed: `trip:${n}` }];
        });
        const all: Delivery[] = [...EVERY_KIND, ...made, ...shared];
        expect(decodeMany(encodeMany(all.map(encodeDelivery)))).toStrictEqual(structuredClone(all));
        for (const one of made) expect(decodePublished(encodeDelivery(one))).toStrictEqual(structuredClone(one));
      }),
    );
  });
});

const progress = fc.record({
  approachingAt: fc.option(whole),
  arrivedAt: fc.option(whole),
  departedAt: fc.option(whole),
  wasNear: fc.boolean(),
  wasIn: fc.boolean(),
  wasOut: fc.boolean(),
});
const trip = fc
  .record({
    id: text,
    stops,
    progress,
    distance: measure,
    lastPoint: fc.option(fix),
    updatedAt: whole,
    firstFixAt: fc.option(whole),
    name: text,
  })
  .map(({ id, stops: some, progress: how, name, ...more }) => ({
    ...newTrip(id, { kind: 'ride', stops: [], driverName: name }, 'digest', T0),
    ...more,
    stops: some.map((stop) => ({ ...stop, ...how })),
  }));
const driver: fc.Arbitrary<Driver> = fc
  .record({
    id: text,
    epoch: text,
    position: whole,
    flags: fc.tuple(fc.boolean(), fc.boolean(), fc.boolean()),
    lastSeenAt: fc.option(whole),
    latest: fc.option(fix),
    trips: fc.uniqueArray(trip, { maxLength: 3, selector: ({ id }) => id }),
    name: fc.option(text),
  })
  .map(({ id, epoch, flags, trips, name, ...more }) => {
    const [online, stale, available] = flags;
    const made: Driver = { ...newDriver(id, epoch), ...more, online, stale, available, profile: { name, vehicle: null, plate: null } };
    made.trips = trips.map((one) => activeTrip(made, one));
    return made;
  });

describe('a driver in two parts', () => {
  it('is the same again, as others see it [P1]', () => {
    fc.assert(
      fc.property(driver, (one) => {
        const { judgement: _, identities: __, adopted: ___, ...seen } = one;
        expect(decodeDriver(one.id, encodeLight(one), encodeHeavy(one))).toStrictEqual(structuredClone(seen));
        expect(encodeLight(one).startsWith(lightBeginning(one.epoch))).toBe(true);
      }),
    );
  });

  it('shows only trips that both parts know', () => {
    const one = newDriver('d', 'e');
    const [a, b] = ['a', 'b'].map((id) => activeTrip(one, newTrip(id, { kind: 'ride', stops: [] }, 'digest', T0)));
    const light = encodeLight({ ...one, trips: [a, b] as Driver['trips'] });
    const heavy = encodeHeavy({ ...one, trips: [b] as Driver['trips'] });
    expect(decodeDriver('d', light, heavy).trips.map(({ feed }) => feed)).toEqual(['trip:b']);
  });
});
