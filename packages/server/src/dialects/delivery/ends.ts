import { ERRORS, type ErrorCode } from '@waycast/protocol';
import type { ServerMessage } from './messages.ts';

/** Policy violation (RFC 6455, 7.4.1): the close code of every refusal of this contract. */
const REFUSED = 1008;

/** In the words of the contract; any other end has the title of the table. */
const WORDS: Readonly<Partial<Record<ErrorCode, string>>> = {
  unauthenticated: 'Invalid token',
  token_expired: 'Token expired',
  not_found: 'Tracking session not found',
  session_expired: 'Tracking session expired',
};

/** Ends that are nobody's mistake have the code of the table. */
const NO_REFUSAL: ReadonlySet<ErrorCode> = new Set(['draining', 'keys_unavailable', 'storage_unavailable', 'internal']);

/** A socket's end as its client sees it: an `error`, then the close code with the same words as its reason [Y12]. */
export interface End {
  readonly message: ServerMessage;
  readonly code: number;
  readonly reason: string;
}

export function endOf(code: ErrorCode): End {
  const entry = ERRORS[code];
  const reason = WORDS[code] ?? entry.title;
  return { message: { type: 'error', message: reason }, code: NO_REFUSAL.has(code) ? closeOf(code) : REFUSED, reason };
}

function closeOf(code: ErrorCode): number {
  const entry = ERRORS[code];
  return 'close' in entry ? entry.close : 1013;
}

/** Every close code a client of this contract may meet, and what it means. */
export const CLOSE_CODES: readonly { readonly code: number; readonly meaning: string }[] = [
  {
    code: REFUSED,
    meaning: `${Object.values(WORDS).join(', ')}, ${ERRORS.too_many_bad_messages.title}: the reason says which`,
  },
  { code: ERRORS.too_large.close, meaning: 'a message over 16 KB' },
  { code: ERRORS.internal.close, meaning: ERRORS.internal.title },
  { code: ERRORS.draining.close, meaning: ERRORS.draining.title },
  { code: ERRORS.keys_unavailable.close, meaning: 'what the token or the session is checked by cannot be had; come back' },
];
