import { type Validator, validator, WaycastError } from '@waycast/protocol';
import { CLIENT_MESSAGES, type ClientMessage } from './messages.ts';

const VALIDATORS: Readonly<Record<ClientMessage['type'], Validator<ClientMessage>>> = {
  ping: validator(CLIENT_MESSAGES.ping),
  location_update: validator(CLIENT_MESSAGES.location_update),
};

/**
 * A client's message.
 * @throws WaycastError that names the field
 */
export function readMessage(text: string): ClientMessage {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new WaycastError('bad_json', 'the message is not valid JSON');
  }
  const type = value !== null && typeof value === 'object' ? (value as { type?: unknown }).type : undefined;
  if (typeof type !== 'string' || !Object.hasOwn(VALIDATORS, type))
    throw new WaycastError('unknown_type', 'type must be ping or location_update', { field: '/type' });
  const schema = VALIDATORS[type as ClientMessage['type']];
  if (schema.check(value)) return value;
  const { field, message } = schema.failure(value);
  throw new WaycastError('bad_request', `${field || 'the message'} ${message}`, { field });
}
