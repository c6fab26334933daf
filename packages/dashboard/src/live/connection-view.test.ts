import { describe, expect, it } from 'vitest';
import { connectionView, connectionWords } from './connection-view.ts';

describe('the state of the connection', () => {
  it('counts down to the next attempt', () => {
    const view = connectionView({ status: 'waiting', delay: 3000, code: 'network', reason: 'gone' }, true, 1000);
    expect(view).toEqual({ phase: 'reconnecting', retryAt: 4000, reason: 'gone' });
  });

  it('says offline while the device has no network, whatever is tried', () => {
    expect(connectionView({ status: 'waiting', delay: 3000, code: 'network', reason: '' }, false, 0).phase).toBe('offline');
    expect(connectionView({ status: 'connecting' }, false, 0).phase).toBe('offline');
  });

  it('is live when open, signed out when closed for good', () => {
    expect(connectionView({ status: 'open', sub: 'ops', role: 'admin', expiresAt: null }, true, 0).phase).toBe('live');
    expect(connectionView({ status: 'closed', code: 'token_expired', reason: '' }, true, 0).phase).toBe('signed-out');
  });

  it('does not speak of what passes by itself', () => {
    expect(connectionWords({ phase: 'connecting' })).toBeNull();
    expect(connectionWords({ phase: 'offline' })).not.toBeNull();
  });
});
