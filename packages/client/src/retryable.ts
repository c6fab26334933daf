import type { ERRORS, ErrorCode } from '@waycast/protocol';

type RetryableCode = { [K in ErrorCode]: (typeof ERRORS)[K] extends { retryable: true } ? K : never }[ErrorCode];

// The protocol's table compiles schemas with `new Function`, which a strict CSP forbids, so only its types come over here;
// the compiler checks that this copy names exactly the codes that are retryable there.
const RETRYABLE: Record<RetryableCode, true> = {
  out_of_window: true,
  rate_limited: true,
  too_many_connections: true,
  storage_unavailable: true,
  archive_unavailable: true,
  keys_unavailable: true,
  directory_unavailable: true,
  draining: true,
};

/** Whether the same message, sent again later, may be taken. */
export function isRetryableCode(code: string): boolean {
  return Object.hasOwn(RETRYABLE, code);
}
