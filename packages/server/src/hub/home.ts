/** The numbers by which answers find back: of a process, and of whoever waits in it, in one. */
const EACH = 2 ** 32;

/** The first number of a process; those that follow are its own. `home`: below 2^20. */
export function firstNumberOf(home: number): number {
  return home * EACH;
}

/** The process a number is of. */
export function homeOf(number: number): number {
  return Math.floor(number / EACH);
}

/** The feed by which a process is told what concerns it alone. */
export function homeFeed(home: number): string {
  return `process:${home}`;
}
