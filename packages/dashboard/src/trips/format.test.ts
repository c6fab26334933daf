import { describe, expect, it } from 'vitest';
import { formatAge, formatBearing, formatCoordinates, formatDistance, formatMinutes, formatSpeed, formatTime, shortId } from './format.ts';

describe('words for numbers', () => {
  it.each([
    [0, '0 m'],
    [94, '90 m'],
    [994, '990 m'],
    [996, '1.0 km'],
    [4230, '4.2 km'],
    [42_300, '42 km'],
  ])('distance %d m reads %s', (metres, words) => {
    expect(formatDistance(metres)).toBe(words);
  });

  it.each([
    [0, 'under 1 min'],
    [44, 'under 1 min'],
    [61, '1 min'],
    [59 * 60, '59 min'],
    [3600, '1 h 00 min'],
    [3900, '1 h 05 min'],
    [3599, '1 h 00 min'],
  ])('%d s reads %s', (seconds, words) => {
    expect(formatMinutes(seconds)).toBe(words);
  });

  it.each([
    [-500, 'just now'],
    [1999, 'just now'],
    [2000, '2 s ago'],
    [59_999, '59 s ago'],
    [60_000, '1 min ago'],
    [7_200_000, '2 h ago'],
    [200_000_000, '2 d ago'],
  ])('%d ms of age read %s', (millis, words) => {
    expect(formatAge(millis)).toBe(words);
  });

  it('names what is not known', () => {
    expect(formatSpeed(null)).toBe('unknown');
    expect(formatBearing(null)).toBe('unknown');
  });

  it('speaks of speed, heading and place', () => {
    expect(formatSpeed(42.6)).toBe('43 km/h');
    expect(formatBearing(350)).toBe('N 350°');
    expect(formatBearing(359.7)).toBe('N 0°');
    expect(formatBearing(46)).toBe('NE 46°');
    expect(formatCoordinates(52.520008, -13.4)).toBe('52.52001, -13.40000');
  });

  it('shortens long ids only', () => {
    expect(shortId('ride-17')).toBe('ride-17');
    expect(shortId('0b6ff8a2-5f0e-4f0e-9c39-0a1b2c3d4e5f')).toBe('0b6ff8a2…4e5f');
  });

  it('adds the day to a time that is not today', () => {
    const now = new Date(2026, 4, 20, 12).getTime();
    expect(formatTime(new Date(2026, 4, 20, 9, 5).toISOString(), now)).not.toContain('20');
    expect(formatTime(new Date(2026, 4, 18, 9, 5).toISOString(), now)).toContain('18');
  });
});
