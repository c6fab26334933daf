import type { Row } from './row.ts';

export interface Highest<R = Row> {
  /** the highest rate that held, 0 when none did */
  rate: number;
  /** whether the first rate that failed did so for the generator's sake: the true figure may be higher */
  generatorBound: boolean;
  steps: R[];
}

/** Steps up until one fails, then bisects; beyond TOP and after MAX_STEPS runs it stops. */
const STEP = 10_000;
const TOP = 150_000;
const MAX_STEPS = 16;

/**
 * The highest rate that holds, to within `resolution`, starting from the highest of the fixed rates that held.
 * A step that fails is tried once more, so that one collection of garbage or hiccup of the machine does not decide.
 */
export async function highestRate<R extends { rate: number; generatorBound: boolean }>(
  fixed: R[],
  resolution: number,
  deadline: number,
  runAt: (rate: number) => Promise<R>,
  holds: (row: R) => boolean,
  stepUp = STEP,
): Promise<Highest<R>> {
  let low = Math.max(0, ...fixed.filter(holds).map((row) => row.rate));
  let high = Number.POSITIVE_INFINITY;
  let generatorBound = false;
  const steps: R[] = [];
  const attempt = async (rate: number): Promise<R> => {
    const row = await runAt(rate);
    steps.push(row);
    return row;
  };
  while (high - low > resolution && low < TOP && steps.length < MAX_STEPS && Date.now() < deadline) {
    const rate = Number.isFinite(high) ? Math.round((low + high) / 2 / 500) * 500 : low + stepUp;
    const first = await attempt(rate);
    const row = holds(first) ? first : await attempt(rate);
    if (holds(row)) low = rate;
    else {
      high = rate;
      generatorBound = row.generatorBound;
    }
  }
  return { rate: low, generatorBound, steps };
}
