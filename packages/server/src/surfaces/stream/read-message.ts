import {
  CLIENT_MESSAGES,
  type ClientMessage,
  FixesMessage,
  isId,
  STREAM_LIMITS,
  type Validator,
  validator,
  WaycastError,
} from '@waycast/protocol';
import Type from 'typebox';
import { fixOf } from '../../dialects/hybrid/location-update.ts';

const VALIDATORS = Object.fromEntries(
  Object.entries(CLIENT_MESSAGES).map(([type, schema]) => [type, validator(schema)]),
) as unknown as Readonly<Record<ClientMessage['type'], Validator<ClientMessage>>>;

/** A backlog message apart from its fixes, which are looked at one by one (backlog.ts). */
const ENVELOPE = validator(
  Type.Object(
    { ...FixesMessage.properties, fixes: Type.Array(Type.Unknown(), { minItems: 1, maxItems: STREAM_LIMITS.backlog }) },
    { additionalProperties: false },
  ),
);

/**
 * @param hybrid whether `location_update` of the hybrid clients is taken as well
 * @throws WaycastError that names the field
 */
export function readMessage(data: Buffer, isBinary: boolean, hybrid: boolean): ClientMessage {
  if (isBinary) throw new WaycastError('bad_json', 'messages are JSON in text frames');
  let value: unknown;
  try {
    value = JSON.parse(data.toString());
  } catch {
    throw new WaycastError('bad_json', 'the message is not valid JSON');
  }
  const type = value !== null && typeof value === 'object' ? (value as { type?: unknown }).type : undefined;
  if (hybrid && type === 'location_update') return fixOf(value as object);
  if (typeof type !== 'string' || !Object.hasOwn(VALIDATORS, type))
    throw new WaycastError('unknown_type', 'type is none of a client message', { field: '/type' });
  const schema = VALIDATORS[type as ClientMessage['type']];
  if (schema.check(value)) return value;
  if (type === 'fixes' && ENVELOPE.check(value)) return value as FixesMessage;
  const { field, message } = (type === 'fixes' ? ENVELOPE : schema).failure(value);
  throw new WaycastError(type === 'fix' ? 'invalid_fix' : 'bad_request', `${field || 'message'} ${message}`, { field });
}

/** What answers refer to. */
export interface Named {
  readonly seq?: number;
  readonly ref?: string;
  readonly driver?: string;
}

/** What a message called itself, as far as it can be told; a batch goes by its first number. */
export function namesOf(message: ClientMessage): Named {
  return named(message.type === 'fixes' ? { ...message, seq: message.fixes[0]?.seq } : message);
}

/** The same of a message that could not be read. */
export function numbersOf(data: Buffer): Named {
  try {
    const value: unknown = JSON.parse(data.toString());
    return value !== null && typeof value === 'object' ? named(value) : {};
  } catch {
    return {};
  }
}

function named({ seq, ref, driver }: { seq?: unknown; ref?: unknown; driver?: unknown }): Named {
  return {
    ...(Number.isSafeInteger(seq) && (seq as number) > 0 && { seq: seq as number }),
    ...(typeof ref === 'string' && ref.length <= 64 && { ref }),
    ...(isId(driver) && { driver }),
  };
}

export function refOf({ ref }: { readonly ref?: string }): { ref?: string } {
  return ref === undefined ? {} : { ref };
}
