import { describe, expect, it } from 'vitest';
import { Id, isId } from './ids.ts';
import { FeedName } from './stream.ts';
import { validator } from './validate.ts';

const GOOD = ['a', 'Z', '0', 'driver-1', 'a.b_c:d-e', '550e8400-e29b-41d4-a716-446655440000', 'x'.repeat(64)];
const BAD = ['', 'x'.repeat(65), 'a b', 'a/b', 'ä', 'a\n', '\na', "a'", 'a"b', '<a>', 7, null, undefined, {}, ['a']];

describe('ids', () => {
  it.each(GOOD)('%s is one', (id) => {
    expect([isId(id), validator(Id).check(id)]).toEqual([true, true]);
  });

  it.each(BAD)('%j is none', (id) => {
    expect([isId(id), validator(Id).check(id)]).toEqual([false, false]);
  });
});

describe('feeds', () => {
  it.each(['fleet', 'trip:a', 'driver:a:b.c_d-e', `trip:${'x'.repeat(64)}`])('%s is one', (feed) => {
    expect(validator(FeedName).check(feed)).toBe(true);
  });

  it.each(['', 'fleet:', 'fleet ', 'trip:', 'trip', 'person:a', 'trip:a b', `trip:${'x'.repeat(65)}`, 'Trip:a', 'trip:a\n'])(
    '%j is none',
    (feed) => {
      expect(validator(FeedName).check(feed)).toBe(false);
    },
  );
});
