import { isoTime } from '@waycast/protocol';
import type { Suspicion } from '../../core/plausibility.ts';
import type { RideWarning } from './messages.ts';

const WHY: Readonly<Record<Suspicion, string>> = {
  ahead: 'the position is more than 60 s ahead of the time of this server: it is kept and does not count',
  teleport: 'the position is too far from the last one for the time between them: it is kept and does not count by itself',
};

/** A position that is not believed, as its driver hears of it [R17]; `at` is its capture, epoch ms. */
export function suspectLocation(reason: Suspicion, at: number): RideWarning {
  return { type: 'warning', code: 'suspect_location', message: WHY[reason], timestamp: isoTime(at) };
}
