/** Digits of a moment in base 36: enough for ms until the year 2059. */
const DIGITS = 8;
const BEGINNING = /^[0-9a-z]{8}-/;

/** The id of a new life of a counter [O1]: when it began, epoch ms, and by chance. Of two lives of one feed it shows which is the later one. */
export function newLife(at: number, chance: string): string {
  return `${moment(at)}-${chance}`;
}

/** The same life as of something in it that began at `at`, epoch ms, or with it. */
export function lifeFrom(life: string, at: number): string {
  const begun = moment(at);
  return BEGINNING.test(life) && begun > life.slice(0, DIGITS) ? begun + life.slice(DIGITS) : life;
}

/** Whether the one began before the other; false where either does not say when it began. */
export function isEarlierLife(one: string, other: string): boolean {
  return BEGINNING.test(one) && BEGINNING.test(other) && one.slice(0, DIGITS) < other.slice(0, DIGITS);
}

/** Whether somebody counts in this life, and it says when it began. */
export function isDatedLife(life: string): boolean {
  return BEGINNING.test(life);
}

function moment(at: number): string {
  return at.toString(36).padStart(DIGITS, '0');
}
