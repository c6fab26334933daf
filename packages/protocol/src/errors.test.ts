import { describe, expect, it } from 'vitest';
import { ERRORS, type ErrorCode, isRetryable, WaycastError } from './errors.ts';

const CODES = Object.keys(ERRORS) as ErrorCode[];

describe('errors', () => {
  it.each(CODES)('%s has a status, a title, and a close code where it ends a connection', (code) => {
    const entry: { status: number; title: string; close?: number } = ERRORS[code];
    expect(code).toMatch(/^[a-z_]+$/);
    expect(entry.status).toBeGreaterThanOrEqual(400);
    expect(entry.status).toBeLessThan(600);
    expect(entry.title.length).toBeGreaterThan(5);
    if (entry.close !== undefined) expect([1009, 1011, 1012, 1013, 4400, 4401, 4408, 4429]).toContain(entry.close);
  });

  it('that do not settle a number are the retryable ones, and a few of whole connections [A2]', () => {
    expect(CODES.filter(isRetryable).sort()).toEqual([
      'archive_unavailable',
      'directory_unavailable',
      'draining',
      'keys_unavailable',
      'out_of_window',
      'rate_limited',
      'storage_unavailable',
      'too_many_connections',
    ]);
  });

  it.each([
    ['slow_consumer', 4408],
    ['too_many_connections', 4429],
    ['too_many_bad_messages', 4400],
    ['auth_timeout', 4401],
    ['token_expired', 4401],
  ] as const)('%s closes with %d [O7, L4-L6]', (code, close) => {
    expect(ERRORS[code].close).toBe(close);
  });

  it('carry code, field and wait, and say their title when they say nothing else', () => {
    const error = new WaycastError('rate_limited', 'too fast', { retryAfter: 3, field: '/x' });
    expect(error).toMatchObject({ name: 'WaycastError', code: 'rate_limited', message: 'too fast', retryAfter: 3, field: '/x' });
    expect(error).toBeInstanceOf(Error);
    expect(new WaycastError('not_found')).toMatchObject({ message: ERRORS.not_found.title, field: undefined, retryAfter: undefined });
  });
});
