import Type, { type Static } from 'typebox';
import { ERRORS, type ErrorCode } from './errors.ts';
import { FixInput } from './fix.ts';
import { Id } from './ids.ts';
import { Text } from './text.ts';
import { IsoTime, Moment } from './time.ts';

export const DRIVER_STATUSES = ['OFFLINE', 'ONLINE', 'BUSY', 'ON_TRIP'] as const;
export type DriverStatus = (typeof DRIVER_STATUSES)[number];

const Maybe = Type.Union([Type.Number(), Type.Null()]);

/** A stored or live position as it goes out. */
export const Location = Type.Object(
  {
    lat: Type.Number(),
    lng: Type.Number(),
    speed: Maybe,
    bearing: Maybe,
    accuracy: Maybe,
    altitude: Maybe,
    timestamp: IsoTime,
  },
  { title: 'Location' },
);
export type Location = Static<typeof Location>;

/** `POST /v1/drivers/{id}/locations`: one fix, or up to 1,000. */
export const FixBatch = Type.Object(
  { fixes: Type.Array(FixInput, { minItems: 1, maxItems: 1000 }) },
  { additionalProperties: false, title: 'FixBatch' },
);
export type FixBatch = Static<typeof FixBatch>;

const Code = Type.Enum(Object.keys(ERRORS) as ErrorCode[]);

/** The answer once everything in the batch is settled. `index` counts from 0 in what was sent. */
export const FixReceipt = Type.Object(
  {
    accepted: Type.Integer({ description: 'taken now: stored + duplicates + rejected after a look = what was sent' }),
    stored: Type.Integer(),
    duplicates: Type.Integer(),
    suspect: Type.Integer({ description: 'of the stored ones' }),
    rejected: Type.Array(Type.Object({ index: Type.Integer(), code: Code, message: Type.String(), field: Type.Optional(Type.String()) })),
  },
  { title: 'FixReceipt' },
);
export type FixReceipt = Static<typeof FixReceipt>;

export const DriverProfile = Type.Object(
  {
    name: Type.Optional(Type.Union([Text({ minLength: 1, maxLength: 200 }), Type.Null()])),
    vehicle: Type.Optional(Type.Union([Text({ minLength: 1, maxLength: 200 }), Type.Null()])),
    plate: Type.Optional(Type.Union([Text({ minLength: 1, maxLength: 32 }), Type.Null()])),
  },
  { additionalProperties: false, title: 'DriverProfile' },
);
export type DriverProfile = Static<typeof DriverProfile>;

export const Availability = Type.Object({ available: Type.Boolean() }, { additionalProperties: false, title: 'Availability' });
export type Availability = Static<typeof Availability>;

export const DriverView = Type.Object(
  {
    id: Id,
    status: Type.Enum([...DRIVER_STATUSES]),
    available: Type.Boolean(),
    stale: Type.Boolean({ description: 'nothing was heard for a minute though it should be moving' }),
    location: Type.Union([Location, Type.Null()]),
    lastSeenAt: Type.Union([IsoTime, Type.Null()]),
    trips: Type.Array(Id, { description: 'the open trips it drives' }),
    name: Type.Union([Type.String(), Type.Null()]),
    vehicle: Type.Union([Type.String(), Type.Null()]),
    plate: Type.Union([Type.String(), Type.Null()]),
  },
  { title: 'Driver' },
);
export type DriverView = Static<typeof DriverView>;

/** `GET /v1/drivers/nearby`: nearest first. */
export const NearbyDriver = Type.Object(
  {
    id: Id,
    name: Type.Union([Type.String(), Type.Null()]),
    vehicle: Type.Union([Type.String(), Type.Null()]),
    lat: Type.Number(),
    lng: Type.Number(),
    speed: Maybe,
    bearing: Maybe,
    timestamp: IsoTime,
    status: Type.Enum([...DRIVER_STATUSES]),
    distance: Type.Number({ description: 'm, straight, at 0.1' }),
  },
  { title: 'NearbyDriver' },
);
export type NearbyDriver = Static<typeof NearbyDriver>;
export const NearbyList = Type.Object({ drivers: Type.Array(NearbyDriver) }, { title: 'NearbyList' });
export type NearbyList = Static<typeof NearbyList>;

/** `POST /v1/tracks/search`: who passed a place in a time. */
export const TrackSearch = Type.Object(
  {
    lat: Type.Number({ minimum: -90, maximum: 90, description: 'degrees, WGS 84' }),
    lng: Type.Number({ minimum: -180, maximum: 180, description: 'degrees, WGS 84' }),
    radius: Type.Optional(Type.Number({ minimum: 1, maximum: 50_000, default: 100, description: 'm' })),
    from: Moment,
    to: Moment,
    limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000, default: 100 })),
    drivers: Type.Optional(Type.Array(Id, { minItems: 1, maxItems: 100, description: 'only these' })),
  },
  { additionalProperties: false, title: 'TrackSearch' },
);
export type TrackSearch = Static<typeof TrackSearch>;

/** The nearest first, then by id. */
export const TrackSearchResult = Type.Object(
  {
    passes: Type.Array(
      Type.Object({
        driver: Id,
        first: IsoTime,
        last: IsoTime,
        fixes: Type.Integer({ description: 'captured within the circle' }),
        nearest: Type.Object({
          lat: Type.Number(),
          lng: Type.Number(),
          timestamp: IsoTime,
          distance: Type.Number({ description: 'm, straight, at 0.1' }),
        }),
      }),
    ),
    complete: Type.Boolean({ description: 'false when there were more than `limit`' }),
  },
  { title: 'TrackSearchResult' },
);
export type TrackSearchResult = Static<typeof TrackSearchResult>;

export const StoredLocation = Type.Object(
  {
    ...Location.properties,
    receivedAt: IsoTime,
    suspect: Type.Boolean({ description: 'judged in capture order: too far, too fast, or ahead of its time' }),
  },
  { title: 'StoredLocation' },
);
export type StoredLocation = Static<typeof StoredLocation>;

/** A driver whose data goes: nothing of it can be asked for any more. */
export const DriverErasure = Type.Object(
  {
    driver: Id,
    since: IsoTime,
    state: Type.Literal('erasing', { description: 'what cannot be asked for any more goes in the background, and from the archive' }),
  },
  { title: 'DriverErasure' },
);
export type DriverErasure = Static<typeof DriverErasure>;
