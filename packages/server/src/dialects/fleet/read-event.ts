import { type FixInput, type Validator, validator, WaycastError } from '@waycast/protocol';
import type { Static } from 'typebox';
import { CLIENT_MESSAGES, type ClientEvent, type DriverLocation } from './messages.ts';
import { oneOf } from './one-of.ts';

/** An event of a client with its payload, checked. */
export type ReadEvent = { [E in ClientEvent]: { readonly name: E; readonly payload: Static<(typeof CLIENT_MESSAGES)[E]> } }[ClientEvent];

const VALIDATORS = Object.fromEntries(
  Object.entries(CLIENT_MESSAGES).map(([name, schema]) => [name, validator(schema)]),
) as unknown as Readonly<Record<ClientEvent, Validator<unknown>>>;

/**
 * What a client emitted: an event's name and its arguments, without the acknowledgement.
 * @throws WaycastError `unknown_type`, `bad_request`, `invalid_fix`, naming the field
 */
export function readEvent(name: unknown, args: readonly unknown[]): ReadEvent {
  if (typeof name !== 'string' || !Object.hasOwn(CLIENT_MESSAGES, name)) throw new WaycastError('unknown_type', 'no such event');
  const event = name as ClientEvent;
  if (args.length > 1) throw new WaycastError('bad_request', `${event} takes one object`);
  // Nothing is said by going: clients emit it without a payload, or with null.
  const payload = event === 'driver:offline' ? (args[0] ?? {}) : args[0];
  const schema = VALIDATORS[event];
  if (schema.check(payload)) return { name: event, payload } as ReadEvent;
  const { field, message } = schema.failure(payload);
  throw new WaycastError(event === 'driver:location' ? 'invalid_fix' : 'bad_request', `${field || 'the payload'} ${message}`, { field });
}

/**
 * A position in this dialect's words as a fix.
 * @throws WaycastError `invalid_fix` when a coordinate is missing, `bad_request` when two names of one value differ
 */
export function fixInputOf(sent: DriverLocation): FixInput {
  const lat = oneOf('latitude', sent.latitude, 'lat', sent.lat);
  const lng = oneOf('longitude', sent.longitude, 'lng', sent.lng);
  if (lat === undefined || lng === undefined) {
    const field = lat === undefined ? '/latitude' : '/longitude';
    throw new WaycastError('invalid_fix', `${field} is required`, { field });
  }
  const { speed, accuracy, altitude, timestamp } = sent;
  const bearing = oneOf('bearing', sent.bearing ?? undefined, 'heading', sent.heading ?? undefined);
  return {
    lat,
    lng,
    ...(bearing !== undefined && { bearing }),
    ...(speed != null && { speed }),
    ...(accuracy != null && { accuracy }),
    ...(altitude != null && { altitude }),
    ...(timestamp != null && { timestamp }),
  };
}
