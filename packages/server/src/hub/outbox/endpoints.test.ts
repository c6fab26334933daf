import { describe, expect, it } from 'vitest';
import { Endpoints } from './endpoints.ts';

const NOW = Date.UTC(2026, 0, 5, 8);

function failing(times: number): Endpoints {
  const endpoints = new Endpoints();
  for (let n = 0; n < times; n++) {
    endpoints.begin('a');
    endpoints.failed('a', NOW, 0, 0);
  }
  return endpoints;
}

describe('a consumer [W10]', () => {
  it('gets eight at once', () => {
    const endpoints = new Endpoints();
    for (let n = 0; n < 3; n++) endpoints.begin('a');
    expect(endpoints.room(NOW)).toEqual({ a: 5 });
    for (let n = 0; n < 5; n++) endpoints.begin('a');
    expect(endpoints.room(NOW)).toEqual({ a: 0 });
    endpoints.abandon('a');
    expect(endpoints.room(NOW)).toEqual({ a: 1 });
  });

  it('that failed ten times in a row rests, then gets one at a time', () => {
    expect(failing(9).room(NOW)).toEqual({ a: 8 });
    const endpoints = failing(10);
    expect(endpoints.isFailing('a')).toBe(true);
    expect(endpoints.room(NOW + 4_999)).toEqual({ a: 0 });
    expect(endpoints.room(NOW + 5_000)).toEqual({ a: 1 });
    endpoints.begin('a');
    expect(endpoints.room(NOW + 5_000)).toEqual({ a: 0 });
  });

  it('rests longer the longer it fails, a minute at most', () => {
    expect(failing(12).room(NOW + 19_999)).toEqual({ a: 0 });
    expect(failing(12).room(NOW + 20_000)).toEqual({ a: 1 });
    expect(failing(40).room(NOW + 60_000)).toEqual({ a: 1 });
  });

  it('that answers gets as much as before, and it is said that it does again', () => {
    const endpoints = failing(11);
    endpoints.begin('a');
    expect(endpoints.delivered('a')).toBe(true);
    expect([endpoints.isFailing('a'), endpoints.room(NOW)]).toEqual([false, {}]);
    endpoints.begin('a');
    expect(endpoints.delivered('a')).toBe(false);
  });

  it('rests as long as it asked for, and wakes once', () => {
    const endpoints = new Endpoints();
    endpoints.begin('a');
    endpoints.failed('a', NOW, NOW + 90_000, 0);
    expect(endpoints.room(NOW + 89_999)).toEqual({ a: 0 });
    expect(endpoints.wakes(NOW + 89_999)).toBe(false);
    expect([endpoints.wakes(NOW + 90_000), endpoints.wakes(NOW + 90_000)]).toEqual([true, false]);
    expect(endpoints.room(NOW + 90_000)).toEqual({ a: 8 });
  });

  it('that was changed gets another chance', () => {
    const endpoints = failing(20);
    endpoints.forget('a');
    expect([endpoints.isFailing('a'), endpoints.room(NOW)]).toEqual([false, {}]);
  });
});
