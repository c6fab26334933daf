import { CLIENT_MESSAGES, type ClientMessage, type FixesMessage, type Validator, validator, WaycastError } from '@waycast/protocol';

const VALIDATORS = Object.fromEntries(
  Object.entries(CLIENT_MESSAGES).map(([type, schema]) => [type, validator(schema)]),
) as unknown as Readonly<Record<ClientMessage['type'], Validator<ClientMessage>>>;

/** @throws WaycastError that names the field */
export function readMessage(data: Buffer, isBinary: boolean): ClientMessage {
  if (isBinary) throw new WaycastError('bad_json', 'messages are JSON in text frames');
  let value: unknown;
  try {
    value = JSON.parse(data.toString());
  } catch {
    throw new WaycastError('bad_json', 'the message is not valid JSON');
  }
  const type = value !== null && typeof value === 'object' ? (value as { type?: unknown }).type : undefined;
  if (typeof type !== 'string' || !Object.hasOwn(VALIDATORS, type))
    throw new WaycastError('unknown_type', 'type is none of a client message', { field: '/type' });
  const schema = VALIDATORS[type as ClientMessage['type']];
  if (schema.check(value)) return value;
  const { field, message } = schema.failure(value);
  if (type === 'fixes' && field.startsWith('/fixes/')) return value as FixesMessage;
  throw new WaycastError(type === 'fix' ? 'invalid_fix' : 'bad_request', `${field || 'message'} ${message}`, { field });
}

/** What answers refer to. */
export interface Named {
  readonly seq?: number;
  readonly ref?: string;
  readonly driver?: string;
}

/** What a message called itself; a batch goes by its first number. */
export function namesOf(message: ClientMessage): Named {
  if (message.type === 'fixes') {
    const seq = message.fixes[0]?.seq;
    return { ...(seq !== undefined && { seq }), ...(message.driver !== undefined && { driver: message.driver }) };
  }
  return message;
}

/** What a message that was refused called itself, as far as it can be told. */
export function numbersOf(data: Buffer): Named {
  try {
    const { seq, ref, driver } = JSON.parse(data.toString()) as { seq?: unknown; ref?: unknown; driver?: unknown };
    return {
      ...(Number.isSafeInteger(seq) && (seq as number) > 0 && { seq: seq as number }),
      ...(typeof ref === 'string' && ref.length <= 64 && { ref }),
      ...(typeof driver === 'string' && { driver }),
    };
  } catch {
    return {};
  }
}

export function refOf({ ref }: { readonly ref?: string }): { ref?: string } {
  return ref === undefined ? {} : { ref };
}
