import { describe, expect, it } from 'vitest';
import { StartupError } from '../../startup-error.ts';
import { parseRedisUrl } from './redis-url.ts';

const PLAIN = { tls: false, username: undefined, password: undefined, db: 0 };

describe('REDIS_URL', () => {
  it.each([
    ['redis://localhost', { ...PLAIN, nodes: [{ host: 'localhost', port: 6379 }] }],
    ['redis://localhost:7000/3', { ...PLAIN, db: 3, nodes: [{ host: 'localhost', port: 7000 }] }],
    [
      'rediss://u:p%40ss@cache.example:7001',
      { ...PLAIN, tls: true, username: 'u', password: 'p@ss', nodes: [{ host: 'cache.example', port: 7001 }] },
    ],
    ['redis://:pw@[::1]:7002/', { ...PLAIN, password: 'pw', nodes: [{ host: '::1', port: 7002 }] }],
    [
      'redis://:pw@a:1, b:2,redis://c',
      {
        ...PLAIN,
        password: 'pw',
        nodes: [
          { host: 'a', port: 1 },
          { host: 'b', port: 2 },
          { host: 'c', port: 6379 },
        ],
      },
    ],
  ])('%s is understood [P12]', (url, target) => {
    expect(parseRedisUrl(url, undefined)).toEqual(target);
  });

  it('takes REDIS_PASSWORD where the URL has none', () => {
    expect(parseRedisUrl('redis://a', 'secret').password).toBe('secret');
    expect(parseRedisUrl('redis://:own@a', 'secret').password).toBe('own');
  });

  it.each(['', 'http://a', 'redis://', 'redis://a/x', 'redis://a:99999', 'redis://a,rediss://b', 'redis://a/1,b', 'redis://a,'])(
    '%j is refused in one line that says what to do, without what was in it [P12]',
    (url) => {
      expect(() => parseRedisUrl(url, 'hidden')).toThrow(StartupError);
      expect(() => parseRedisUrl(url, 'hidden')).toThrow(/^REDIS_URL[^\n]+$/);
    },
  );
});
