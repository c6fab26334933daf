import { describe, expect, it } from 'vitest';
import { check, ok, refused } from './check.ts';
import { offsetFinding } from './clock.ts';
import { descriptorLimit, nodeVersion } from './machine.ts';

describe('a check', () => {
  it('that never ends has failed in time [C4]', async () => {
    const found = await check('group', 'name', 20, () => new Promise(() => undefined));
    expect(found).toMatchObject({ group: 'group', name: 'name', verdict: 'failed', message: 'no answer within 0.02 s' });
  });

  it('that throws has failed, in one line [C4]', async () => {
    const thrown = await check('group', 'name', 1_000, () => {
      throw new Error('two\nlines');
    });
    expect(thrown).toMatchObject({ verdict: 'failed', message: 'it could not be found out (two lines)', remedy: expect.any(String) });
    expect(await check('group', 'name', 1_000, () => ok('fine'))).toMatchObject({ verdict: 'ok', message: 'fine', remedy: null });
  });
});

it.each([
  [
    'DATABASE_URL: PostgreSQL at h:1/d cannot be reached (a: b): start it',
    'DATABASE_URL: PostgreSQL at h:1/d cannot be reached (a: b)',
    'start it',
  ],
  ['REDIS_URL: it is away; start it (why)', 'REDIS_URL: it is away', 'start it (why)'],
  ['has no PostGIS: install it (Debian: x), then start', 'has no PostGIS', 'install it (Debian: x), then start'],
  ['something else', 'something else', 'see what it says'],
])('%s is told apart from what to do [C3]', (line, message, remedy) => {
  expect(refused(line)).toEqual({ verdict: 'failed', message, remedy });
});

it.each([
  [200, 10, 'ok'],
  [-1_500, 10, 'warning'],
  // It may as well be the way there and back.
  [1_500, 600, 'ok'],
  [90_000, 10, 'failed'],
])('a clock that is %d ms off, within %d ms: %s [C3]', (offset, uncertainty, verdict) => {
  expect(offsetFinding('Redis', offset, uncertainty)).toMatchObject({ verdict });
});

it.each([
  [1_024, 'warning', /^1024 open files, so at most about 824 sockets/],
  [65_536, 'ok', /65336/],
  [null, 'ok', /wanted/],
])('a limit of %s open files: %s [C3]', (limit, verdict, message) => {
  expect(descriptorLimit(limit)).toMatchObject({ verdict, message: expect.stringMatching(message) });
});

it.each([
  ['22.9.0', 'failed'],
  ['24.0.0', 'ok'],
  ['26.1.0', 'ok'],
])('Node %s: %s [C3]', (version, verdict) => {
  expect(nodeVersion(version)).toMatchObject({ verdict });
});
