import type { BookingStatus, ErrorCode } from '@waycast/protocol';
import { WaycastError } from '@waycast/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Stop } from '../core/stops.ts';
import type { Trip } from '../core/trip.ts';
import * as access from './access.ts';
import { sampleTrip } from './contracts/samples.ts';
import { personFeedsOf } from './people.ts';
import type { Principal, Role } from './principal.ts';

function who(role: Role, more: Partial<Principal> = {}): Principal {
  return { sub: 'me', role, trips: undefined, drivers: undefined, labels: undefined, expiresAt: null, ...more };
}
const only = (...names: string[]): ReadonlySet<string> => new Set(names);

/** Mine as a driver, as a party, and somebody else's altogether. */
const DRIVEN = sampleTrip('driven', { driverId: 'me', labels: ['taxi'], stops: [] });
const PARTY: Trip = {
  ...sampleTrip('party', { driverId: 'other', labels: [] }),
  stops: sampleTrip('x').stops.map((stop) => ({ ...stop, partyId: 'me' })),
};
const OTHERS = sampleTrip('others', { driverId: 'other', labels: ['food'], stops: [] });
const NOBODYS = sampleTrip('nobodys', { driverId: null, labels: [], stops: [] });

const WHO = {
  driver: who('driver'),
  passenger: who('passenger'),
  'passenger, trips [others]': who('passenger', { trips: only('others') }),
  'passenger, labels [food]': who('passenger', { labels: only('food') }),
  merchant: who('merchant'),
  'merchant, labels [food]': who('merchant', { labels: only('food') }),
  'merchant, trips [party]': who('merchant', { trips: only('party') }),
  'merchant, labels []': who('merchant', { labels: only() }),
  dispatcher: who('dispatcher'),
  'dispatcher, labels [food]': who('dispatcher', { labels: only('food') }),
  'dispatcher, drivers [me]': who('dispatcher', { drivers: only('me') }),
  'dispatcher, trips []': who('dispatcher', { trips: only() }),
  service: who('service'),
  'service, drivers [other]': who('service', { drivers: only('other') }),
  'service, labels [food]': who('service', { labels: only('food') }),
  admin: who('admin'),
  'admin, trips []': who('admin', { trips: only(), drivers: only(), labels: only() }),
} as const;
type Who = keyof typeof WHO;

function outcome(act: () => void): 'ok' | ErrorCode {
  try {
    act();
    return 'ok';
  } catch (error) {
    if (error instanceof WaycastError) return error.code;
    throw error;
  }
}

const TRIPS = { driven: DRIVEN, party: PARTY, others: OTHERS, nobodys: NOBODYS };
type Name = keyof typeof TRIPS;

/** Whose trips they read; what lists show them is the same. */
const READS: Readonly<Record<Who, readonly Name[]>> = {
  driver: ['driven'],
  passenger: ['party'],
  'passenger, trips [others]': ['party', 'others'],
  'passenger, labels [food]': ['party'],
  merchant: [],
  'merchant, labels [food]': ['others'],
  'merchant, trips [party]': ['party'],
  'merchant, labels []': [],
  dispatcher: ['driven', 'party', 'others', 'nobodys'],
  'dispatcher, labels [food]': ['others'],
  'dispatcher, drivers [me]': ['driven'],
  'dispatcher, trips []': [],
  service: ['driven', 'party', 'others', 'nobodys'],
  'service, drivers [other]': ['party', 'others'],
  'service, labels [food]': ['others'],
  admin: ['driven', 'party', 'others', 'nobodys'],
  'admin, trips []': ['driven', 'party', 'others', 'nobodys'],
};

type Action = 'create others' | 'status of driven' | 'status of others' | 'say when' | 'write me' | 'write other' | 'follow fleet';
const ACTIONS: Readonly<Record<Action, (one: Principal) => void>> = {
  'create others': (one) => access.mustCreate(one, OTHERS),
  'status of driven': (one) => access.mustMoveStatus(one, DRIVEN),
  'status of others': (one) => access.mustMoveStatus(one, OTHERS),
  'say when': (one) => access.mustTellTime(one),
  'write me': (one) => access.mustWriteDriver(one, 'me'),
  'write other': (one) => access.mustWriteDriver(one, 'other'),
  'follow fleet': (one) => access.mustFollowFleet(one),
};
const F = 'forbidden';
const N = 'not_found';
const OK = 'ok';

/** [S2-S6, T5], in the order of ACTIONS. */
const MAY: Readonly<Record<Who, readonly ('ok' | ErrorCode)[]>> = {
  driver: [F, OK, F, F, OK, N, N],
  passenger: [F, F, F, F, F, F, N],
  'passenger, trips [others]': [F, F, F, F, F, F, N],
  'passenger, labels [food]': [F, F, F, F, F, F, N],
  merchant: [F, F, F, F, F, F, N],
  'merchant, labels [food]': [F, F, F, F, F, F, N],
  'merchant, trips [party]': [F, F, F, F, F, F, N],
  'merchant, labels []': [F, F, F, F, F, F, N],
  dispatcher: [OK, OK, OK, OK, F, F, OK],
  'dispatcher, labels [food]': [OK, OK, OK, OK, F, F, N],
  'dispatcher, drivers [me]': [F, OK, OK, OK, F, F, N],
  'dispatcher, trips []': [F, OK, OK, OK, F, F, N],
  service: [OK, OK, OK, OK, OK, OK, OK],
  'service, drivers [other]': [OK, OK, OK, OK, N, OK, N],
  // Scopes that name no driver let it write none, as they let it read none [S4].
  'service, labels [food]': [OK, OK, OK, OK, N, N, N],
  admin: [OK, OK, OK, OK, OK, OK, OK],
  'admin, trips []': [OK, OK, OK, OK, OK, OK, OK],
};

const EVERYBODY = Object.keys(WHO) as Who[];
const EVERYTHING = Object.keys(ACTIONS) as Action[];

describe('reads trips [S2, S3, S4]', () => {
  it.each(EVERYBODY.flatMap((name) => (Object.keys(TRIPS) as Name[]).map((trip) => [name, trip] as const)))('%s: %s', (name, trip) => {
    expect(access.mayReadTrip(WHO[name], TRIPS[trip])).toBe(READS[name].includes(trip));
  });
});

describe('sees in lists what it may read, and nothing else', () => {
  /** What a filter lets through, as TripFilter says. */
  function shows(filter: ReturnType<typeof access.tripsVisibleTo>, trip: Trip): boolean {
    if (filter === null) return false;
    const { driverId, partyId, ids, driverIds, labels } = filter;
    if (driverId !== undefined && trip.driverId !== driverId) return false;
    const doors = [
      partyId === undefined ? undefined : trip.stops.some((stop) => stop.partyId === partyId),
      ids?.includes(trip.id),
      trip.driverId === null ? driverIds && false : driverIds?.includes(trip.driverId),
      labels === undefined ? undefined : trip.labels.some((label) => labels.includes(label)),
    ].filter((door) => door !== undefined);
    return doors.length === 0 || doors.some(Boolean);
  }
  it.each(EVERYBODY)('%s', (name) => {
    const visible = access.tripsVisibleTo(WHO[name]);
    expect((Object.keys(TRIPS) as Name[]).filter((trip) => shows(visible, TRIPS[trip]))).toEqual(READS[name]);
  });
});

describe('may do [S2-S6, T5]', () => {
  it.each(EVERYBODY.flatMap((name) => EVERYTHING.map((action, i) => [name, action, MAY[name][i]] as const)))(
    '%s: %s is %s',
    (name, action, expected) => {
      expect(outcome(() => ACTIONS[action](WHO[name]))).toBe(expected);
    },
  );
});

describe('reads a driver [S2, S5]', () => {
  it.each<[Who, boolean, boolean]>([
    ['driver', true, false],
    ['passenger', false, false],
    ['merchant', false, false],
    ['dispatcher', true, true],
    ['dispatcher, labels [food]', false, false],
    ['dispatcher, drivers [me]', true, false],
    ['service', true, true],
    ['service, drivers [other]', false, true],
    ['service, labels [food]', false, false],
    ['admin', true, true],
    ['admin, trips []', true, true],
  ])('%s: me %s, other %s', (name, me, other) => {
    expect([access.mayReadDriver(WHO[name], 'me'), access.mayReadDriver(WHO[name], 'other')]).toEqual([me, other]);
  });

  it('those whose scope names it', () => {
    for (const role of ['passenger', 'merchant'] as const)
      expect(access.mayReadDriver(who(role, { drivers: only('other') }), 'other')).toBe(true);
    expect(access.mayReadDriver(who('driver', { drivers: only('other') }), 'other')).toBe(false);
  });
});

it('only staff manages trips [S4]', () => {
  const may = (['driver', 'passenger', 'merchant', 'dispatcher', 'admin', 'service'] as const).map((role) =>
    outcome(() => access.mustManageTrips(who(role))),
  );
  expect(may).toEqual([F, F, F, OK, OK, OK]);
});

describe('a stop whose booking does not count [S3, G7]', () => {
  const booked = (bookingStatus: BookingStatus | null): Trip => ({
    ...PARTY,
    stops: PARTY.stops.map((stop) => ({ ...stop, bookingStatus })),
  });
  it.each<[BookingStatus | null, boolean]>([
    [null, true],
    ['approved', true],
    ['completed', true],
    ['pending', false],
    ['rejected', false],
    ['cancelled', false],
  ])('%s makes a party: %s', (status, counts) => {
    const trip = booked(status);
    expect(access.mayReadTrip(WHO.passenger, trip)).toBe(counts);
    expect(personFeedsOf(trip).includes('party:me')).toBe(counts);
    expect(outcome(() => access.mustWriteMessage(WHO.passenger, trip, null))).toBe(counts ? OK : F);
    expect(outcome(() => access.mustWriteMessage(WHO.admin, trip, 'me'))).toBe(counts ? OK : 'bad_request');
  });

  it('leaves a trip readable by another one that does, and by scope', () => {
    const both = { ...PARTY, stops: [...booked('cancelled').stops, ...booked('approved').stops] };
    expect(access.mayReadTrip(WHO.passenger, both)).toBe(true);
    expect(access.mayReadTrip(who('passenger', { trips: only('party') }), booked('pending'))).toBe(true);
  });
});

describe('the stops of a trip that somebody is told of [S3]', () => {
  const stop = PARTY.stops[0] as Stop;
  const some = fc
    .array(fc.tuple(fc.constantFrom('me', 'other', null), fc.constantFrom('approved', 'pending', null)))
    .map(
      (list): Trip => ({ ...PARTY, stops: list.map(([partyId, bookingStatus], n) => ({ ...stop, id: `s${n}`, partyId, bookingStatus })) }),
    );

  it('a passenger: its own and those that are nobody’s, in their order; the trip itself when that is all', () => {
    fc.assert(
      fc.property(some, (trip) => {
        const before = structuredClone(trip);
        const told = access.tripFor(WHO.passenger, trip);
        expect(told).toEqual({ ...trip, stops: trip.stops.filter(({ partyId }) => partyId !== 'other') });
        expect(told === trip).toBe(told.stops.length === trip.stops.length);
        expect(trip).toEqual(before);
        // The events of a stop go with it.
        for (const { id, type, partyId, bookingId } of trip.stops) {
          const event = { id: `e/${id}`, kind: 'arrived' as const, tripId: trip.id, driverId: 'd', at: 0, distance: null };
          const heard = access.mayHear(WHO.passenger, { ...event, stopId: id, stopType: type, partyId, bookingId });
          expect(heard).toBe(told.stops.some((one) => one.id === id));
        }
      }),
    );
  });

  it('everybody else: all of them', () => {
    fc.assert(
      fc.property(some, fc.constantFrom('driver', 'merchant', 'dispatcher', 'admin', 'service'), (trip, role) => {
        expect(access.tripFor(who(role), trip)).toBe(trip);
      }),
    );
  });
});
