const UNITS = ['B', 'KB', 'MB', 'GB', 'TB'];

/** `1.5 GB`, by powers of 1024. */
export function bytes(count: number): string {
  let unit = 0;
  let amount = count;
  while (amount >= 1_024 && unit < UNITS.length - 1) {
    amount /= 1_024;
    unit++;
  }
  return `${unit === 0 ? amount : amount.toFixed(1)} ${UNITS[unit]}`;
}

export function milliseconds(ms: number): string {
  return Math.abs(ms) < 10_000 ? `${Math.round(ms)} ms` : `${Math.round(ms / 1_000)} s`;
}
