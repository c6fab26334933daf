import { ERRORS, type ErrorCode } from '@waycast/protocol';
import { describe, expect, it } from 'vitest';
import { CLOSE_CODES, endOf } from './ends.ts';

/** RFC 6455, 5.5: a close frame has room for 125 bytes, two of them the code. */
const MOST_BYTES = 123;

describe('endOf', () => {
  it.each(Object.keys(ERRORS) as ErrorCode[])('%s closes with a documented code, and with the words of its message [Y12]', (code) => {
    const { message, code: close, reason } = endOf(code);
    expect(message).toEqual({ type: 'error', message: reason });
    expect(Buffer.byteLength(reason)).toBeLessThanOrEqual(MOST_BYTES);
    expect(CLOSE_CODES.map((one) => one.code)).toContain(close);
  });

  it.each([
    ['unauthenticated', 1008, 'Invalid token'],
    ['token_expired', 1008, 'Token expired'],
    ['not_found', 1008, 'Tracking session not found'],
    ['session_expired', 1008, 'Tracking session expired'],
    ['draining', 1012, ERRORS.draining.title],
    ['keys_unavailable', 1013, ERRORS.keys_unavailable.title],
    ['storage_unavailable', 1013, ERRORS.storage_unavailable.title],
    ['internal', 1011, ERRORS.internal.title],
  ] as const)('%s is %i %s [Y12]', (code, close, reason) => {
    expect(endOf(code)).toMatchObject({ code: close, reason });
  });
});
