import type { KeptFix, TruthFix } from './fix.ts';

/** `value` in whole units of 1/`perUnit`; never -0. */
export function units(value: number, perUnit: number): number {
  return Math.round(value * perUnit) + 0;
}

/** Hundredths of a bearing: 359.996 rounds to north, 0, not to the 360 that no bearing may be. */
export function bearingUnits(degrees: number): number {
  return units(degrees, 100) % 36_000;
}

function hundredth(value: number | null | undefined): number | null {
  return value === null || value === undefined ? null : units(value, 100) / 100;
}

/** F1. Doing it twice changes nothing. */
export function quantise(fix: TruthFix): KeptFix {
  return {
    lat: units(fix.lat, 1e7) / 1e7,
    lng: units(fix.lng, 1e7) / 1e7,
    at: fix.at,
    receivedAt: fix.receivedAt,
    speed: hundredth(fix.speed),
    bearing: fix.bearing === null || fix.bearing === undefined ? null : bearingUnits(fix.bearing) / 100,
    accuracy: hundredth(fix.accuracy),
    altitude: hundredth(fix.altitude),
    stream: fix.stream ?? null,
    seq: fix.seq ?? null,
  };
}
