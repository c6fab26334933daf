import { type FixInput, validator, WaycastError } from '@waycast/protocol';
import { Ping, RideFix } from './messages.ts';

export type RideClientMessage = { readonly type: 'ping' } | { readonly type: 'fix'; readonly input: FixInput };

const PING = validator(Ping);
const FIX = validator(RideFix);

/**
 * A driver's message: a bare fix, or a ping.
 * @throws WaycastError `invalid_fix`, whatever is wrong: this contract has one name for it
 */
export function readMessage(data: Buffer, isBinary: boolean): RideClientMessage {
  const value = jsonOf(data, isBinary);
  if (FIX.check(value)) return { type: 'fix', input: value };
  if (PING.check(value)) return { type: 'ping' };
  const { field, message } = FIX.failure(value);
  throw new WaycastError('invalid_fix', `${field || 'a location'} ${message}`, { field });
}

/** Whether a passenger's message is the one thing it may send. */
export function isPing(data: Buffer, isBinary: boolean): boolean {
  try {
    return PING.check(jsonOf(data, isBinary));
  } catch (error) {
    if (error instanceof WaycastError) return false;
    throw error;
  }
}

function jsonOf(data: Buffer, isBinary: boolean): unknown {
  if (isBinary) throw new WaycastError('invalid_fix', 'locations are JSON in text frames');
  try {
    return JSON.parse(data.toString()) as unknown;
  } catch {
    throw new WaycastError('invalid_fix', 'the message is not valid JSON');
  }
}
