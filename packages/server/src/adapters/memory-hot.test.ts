import { expect, it } from 'vitest';
import { hotContract } from '../hub/contracts/hot.ts';
import { ManualClock } from '../hub/contracts/manual-clock.ts';
import { location } from '../hub/contracts/samples.ts';
import { MemoryHot } from './memory-hot.ts';

hotContract('MemoryHot', async (clock) => new MemoryHot(clock));

it('stops its clock when closed; twice is safe', async () => {
  const clock = new ManualClock();
  const hot = new MemoryHot(clock);
  hot.hold('driver:d');
  hot.append(location('driver:d', 'e', 1));
  hot.release('driver:d');
  hot.close();
  hot.close();
  clock.pass(3_600_000);
  expect(await hot.since('driver:d', 'e', 0)).toHaveLength(1);
});
