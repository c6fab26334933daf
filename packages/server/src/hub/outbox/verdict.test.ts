import { describe, expect, it } from 'vitest';
import type { Claim, SendResult } from './ports.ts';
import { verdict } from './verdict.ts';

const NOW = Date.UTC(2026, 0, 5, 8);
const HOUR = 3_600_000;
const claim = (more: { kind?: 'webhook' | 'orders'; tries?: number; since?: number } = {}): Claim =>
  ({ consumer: { kind: more.kind ?? 'webhook' }, tries: more.tries ?? 0, since: more.since ?? NOW }) as Claim;
const answer = (status: number | null, retryAfter: number | null = null): SendResult => ({
  status,
  retryAfter,
  error: status === null ? 'no' : null,
  answer: '',
  duration: 1,
});

describe('an answer [W8-W11]', () => {
  it.each([200, 201, 202, 204, 299])('%d delivers', (status) => {
    expect(verdict(claim(), answer(status), NOW, 0).outcome).toBe('delivered');
  });

  it.each([100, 199, 300, 301, 302, 303, 304, 307, 308, 400, 401, 404, 409, 429, 500, 503, null])(
    '%s fails, and is tried again',
    (status) => {
      expect(verdict(claim(), answer(status), NOW, 0)).toEqual({ outcome: 'failed', retryAt: NOW + 5_000, disable: null, restUntil: 0 });
      expect(verdict(claim({ tries: 3 }), answer(status), NOW, 0).retryAt).toBe(NOW + 40_000);
    },
  );

  it('410 disables a webhook, and says so; a service built in cannot be disabled', () => {
    expect(verdict(claim(), answer(410), NOW, 0)).toMatchObject({ outcome: 'failed', disable: expect.stringContaining('410') });
    expect(verdict(claim({ kind: 'orders' }), answer(410), NOW, 0)).toMatchObject({ outcome: 'failed', disable: null });
  });

  it('is waited for as long as it asks, up to an hour, and never less than otherwise', () => {
    expect(verdict(claim(), answer(503, 120), NOW, 0)).toMatchObject({ retryAt: NOW + 120_000, restUntil: NOW + 120_000 });
    expect(verdict(claim(), answer(429, 1), NOW, 0)).toMatchObject({ retryAt: NOW + 5_000, restUntil: NOW + 1_000 });
    expect(verdict(claim(), answer(429, 999_999), NOW, 0)).toMatchObject({ retryAt: NOW + HOUR, restUntil: NOW + HOUR });
  });

  it('that fails after 72 h is the last; one that delivers then delivers', () => {
    expect(verdict(claim({ since: NOW - 72 * HOUR + 1 }), answer(500), NOW, 0).outcome).toBe('failed');
    expect(verdict(claim({ since: NOW - 72 * HOUR }), answer(500), NOW, 0).outcome).toBe('dead');
    expect(verdict(claim({ since: NOW - 99 * HOUR }), answer(200), NOW, 0).outcome).toBe('delivered');
  });
});
