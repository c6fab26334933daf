import { type FixMessage, Id, Moment, validator, WaycastError } from '@waycast/protocol';
import Type, { type Static } from 'typebox';

/** A number, or what phones send for "unknown": nothing, null, or something negative. */
function unknowable(maximum: number) {
  return Type.Optional(Type.Union([Type.Number({ maximum }), Type.Null()]));
}
const members = {
  lat: Type.Number({ minimum: -90, maximum: 90 }),
  lng: Type.Number({ minimum: -180, maximum: 180 }),
  heading: unknowable(360),
  accuracy: unknowable(10_000_000),
  altitude: Type.Optional(Type.Union([Type.Number({ minimum: -20_000, maximum: 10_000_000 }), Type.Null()])),
  altitudeAccuracy: unknowable(10_000_000),
  timestamp: Type.Optional(Moment),
};
const closed = { additionalProperties: false };

/** The phone's geolocation as it is: speed in m/s. */
export const WrappedUpdate = Type.Object(
  { type: Type.Literal('location_update'), data: Type.Object({ ...members, speed: unknowable(27_000) }, closed) },
  { ...closed, title: 'location_update (wrapped)' },
);
/** The flat form: speed in km/h. */
export const FlatUpdate = Type.Object(
  { type: Type.Literal('location_update'), driverId: Type.Optional(Id), ...members, speed: unknowable(100_000) },
  { ...closed, title: 'location_update (flat)' },
);
type Members = Static<typeof WrappedUpdate>['data'];

const wrapped = validator(WrappedUpdate);
const flat = validator(FlatUpdate);
const KMH_PER_MS = 3.6;

/**
 * A `location_update` of the hybrid clients as a live fix [H1].
 * @throws WaycastError `invalid_fix`, naming the field
 */
export function fixOf(message: object): FixMessage {
  if ('data' in message) {
    if (!wrapped.check(message)) throw misfit(wrapped.failure(message));
    return fix(message.data, KMH_PER_MS);
  }
  if (!flat.check(message)) throw misfit(flat.failure(message));
  const { driverId, type: _, ...data } = message;
  return { ...fix(data, 1), ...(driverId !== undefined && { driver: driverId }) };
}

function fix({ lat, lng, heading, speed, accuracy, altitude, timestamp }: Members, toKmh: number): FixMessage {
  const kmh = known(speed);
  const bearing = known(heading);
  return {
    type: 'fix',
    lat,
    lng,
    speed: kmh === null ? null : kmh * toKmh,
    // 360 is north, as 0 is.
    bearing: bearing === null ? null : bearing % 360,
    accuracy: known(accuracy),
    altitude: altitude ?? null,
    ...(timestamp !== undefined && { timestamp }),
  };
}

function known(value: number | null | undefined): number | null {
  return value === null || value === undefined || value < 0 ? null : value;
}

function misfit({ field, message }: { field: string; message: string }): WaycastError {
  return new WaycastError('invalid_fix', `${field || 'message'} ${message}`, { field });
}
