import { milliseconds } from './amounts.ts';
import { type Finding, failed, ok, warning } from './check.ts';

const ASKED = 3;
/** Of processes whose clocks are further apart one judges by times that others do not have yet, ms. */
const APART = 1_000;
/** From here on fixes of phones that are right are in the future [F4], ms. */
const FAR_APART = 60_000;

/** How far another clock is from this one; of several answers the quickest counts, with half of its way there and back. */
export async function clockOffset(whose: string, ask: () => Promise<number>): Promise<Finding> {
  let best = { way: Number.POSITIVE_INFINITY, offset: 0 };
  for (let i = 0; i < ASKED; i++) {
    const before = performance.now();
    const there = await ask();
    const way = performance.now() - before;
    if (way < best.way) best = { way, offset: there - (Date.now() - way / 2) };
  }
  return offsetFinding(whose, best.offset, best.way / 2);
}

/** @param offset ms, positive: the other one is ahead */
export function offsetFinding(whose: string, offset: number, uncertainty: number): Finding {
  const direction = offset >= 0 ? 'ahead of' : 'behind';
  const said = `${whose} is ${milliseconds(Math.abs(offset))} ${direction} this machine (within ${Math.ceil(uncertainty)} ms)`;
  const remedy = 'set both machines by NTP';
  const least = Math.abs(offset) - uncertainty;
  if (least > FAR_APART) return failed(said, remedy);
  return least > APART ? warning(said, remedy) : ok(said);
}
