import Type, { type Static } from 'typebox';
import { Moment } from './time.ts';

/** A number that may be absent or null: phones send both for "unknown". */
function Maybe(options: { minimum?: number; maximum?: number; exclusiveMaximum?: number; description: string }) {
  return Type.Optional(Type.Union([Type.Number(options), Type.Null()]));
}

/** The members of a fix as a client sends them; a message spreads them beside its own. */
export const fixMembers = {
  lat: Type.Number({ minimum: -90, maximum: 90, description: 'degrees, WGS 84' }),
  lng: Type.Number({ minimum: -180, maximum: 180, description: 'degrees, WGS 84' }),
  timestamp: Type.Optional(Moment),
  speed: Maybe({ minimum: 0, maximum: 100_000, description: 'km/h' }),
  bearing: Maybe({ minimum: 0, exclusiveMaximum: 360, description: 'degrees from north, clockwise' }),
  accuracy: Maybe({ minimum: 0, maximum: 10_000_000, description: 'm, radius' }),
  altitude: Maybe({ minimum: -20_000, maximum: 10_000_000, description: 'm' }),
};

/** One position report as REST takes it. Without `timestamp` it was captured when it arrived. */
export const FixInput = Type.Object({ ...fixMembers }, { additionalProperties: false, title: 'Fix' });
export type FixInput = Static<typeof FixInput>;
