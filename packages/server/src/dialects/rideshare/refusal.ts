import type { WaycastError } from '@waycast/protocol';
import type { RideError } from './messages.ts';

/** A refusal in this contract's words: a fix that cannot be is `invalid_location`, all else has its own name. */
export function refusal({ code, message, retryAfter }: WaycastError): RideError {
  return {
    type: 'error',
    code: code === 'invalid_fix' ? 'invalid_location' : code,
    message,
    ...(retryAfter !== undefined && { retryAfter }),
  };
}
