import { expect, it } from 'vitest';
import { Complaints } from './complaints.ts';

function complaints() {
  const lines: string[] = [];
  const place = { now: 0, lines };
  return {
    ...place,
    place,
    one: new Complaints(
      (line) => void lines.push(line),
      () => place.now,
    ),
  };
}

it('a complaint is made once in ten minutes, others at once [X8]', () => {
  const { one, place, lines } = complaints();
  for (const line of ['a', 'a', 'b', 'a']) one.make(line);
  expect(lines).toEqual(['a', 'b']);
  place.now = 599_999;
  one.make('a');
  expect(lines).toHaveLength(2);
  place.now = 600_000;
  for (const line of ['a', 'a', 'b']) one.make(line);
  expect(lines).toEqual(['a', 'b', 'a', 'b']);
});

it('no more than a thousand are made in that time, whatever there is to complain about', () => {
  const { one, place, lines } = complaints();
  for (let round = 0; round < 3; round++) for (let n = 0; n < 1_500; n++) one.make(`${n}`);
  expect(lines).toHaveLength(1_000);
  place.now = 600_000;
  one.make('1400');
  expect(lines.at(-1)).toBe('1400');
});
