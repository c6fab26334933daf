import { ERRORS, type ErrorCode } from '@waycast/protocol';

/** How a socket of this contract ends, by name: the close code, and what is said before it. */
interface End {
  readonly code: number;
  /** null: only the close frame tells. */
  readonly message: string | null;
}

/** Ends that only this contract has [R7, R13]. */
export const OWN_ENDS = {
  replaced: { code: 4001, message: null },
  ride_closed: { code: 4002, message: 'The ride has ended' },
  ride_reassigned: { code: 4003, message: 'The ride was given to another driver' },
  booking_ended: { code: 4004, message: 'The booking does not hold any more' },
} as const satisfies Record<string, End>;
export type OwnEnd = keyof typeof OWN_ENDS;

/** Every close code a client of this contract may meet, and what it means. */
export const CLOSE_CODES: readonly { readonly code: number; readonly meaning: string }[] = [
  { code: OWN_ENDS.replaced.code, meaning: 'replaced: another socket of this driver came for the same ride' },
  { code: OWN_ENDS.ride_closed.code, meaning: 'ride_closed: the ride has ended; told to its driver' },
  { code: OWN_ENDS.ride_reassigned.code, meaning: 'ride_reassigned: the ride has another driver now; told to the one before' },
  { code: OWN_ENDS.booking_ended.code, meaning: 'booking_ended: the booking was rejected, cancelled or taken away; told to its passenger' },
  ...(['too_many_bad_messages', 'token_expired', 'slow_consumer', 'draining', 'too_large'] as const).map((code) => ({
    code: ERRORS[code].close,
    meaning: `${code}: ${ERRORS[code].title}`,
  })),
];

/** A socket's end as its client sees it: a last message, then the close code with the name as its reason. */
export interface NamedEnd {
  readonly message: object | null;
  readonly code: number;
  readonly reason: string;
}

export function ownEnd(name: OwnEnd): NamedEnd {
  const { code, message } = OWN_ENDS[name];
  return { message: message === null ? null : { type: 'error', code: name, message }, code, reason: name };
}

/** The ends every socket can meet. `retryAfter` in s. */
export function commonEnd(code: ErrorCode, more: { readonly retryAfter?: number }): NamedEnd {
  const entry = ERRORS[code];
  return { message: { type: 'error', code, message: entry.title, ...more }, code: 'close' in entry ? entry.close : 1011, reason: code };
}
