import type { CanaryMeter } from '../hub/canary.ts';
import type { Meter } from '../hub/meter.ts';
import type { TellSpan } from '../trace/span.ts';
import { traceOf } from '../trace/trace.ts';

/** Of commits one in so long is told, ms: there are fifty a second. */
const COMMIT_EVERY_MS = 1_000;

/** The same meter; of its commits some are spans as well, each from the oldest fix on. */
export function spannedMeter(meter: Meter, tell: TellSpan): Meter {
  let toldAt = Number.NEGATIVE_INFINITY;
  return {
    taken: (fixes) => meter.taken(fixes),
    accepted: (since) => meter.accepted(since),
    delivered: (since, messages) => meter.delivered(since, messages),
    refused: (code) => meter.refused(code),
    stored: (since, rows) => {
      meter.stored(since, rows);
      const now = performance.now();
      if (rows === 0 || since === 0 || now - toldAt < COMMIT_EVERY_MS) return;
      toldAt = now;
      tell({ ...OWN, name: 'store fixes', trace: traceOf({}), took: now - since, attributes: { 'waycast.fixes': rows }, error: null });
    },
  };
}

/** The same meter; each of the canary's fixes is two spans as well. */
export function spannedCanary(meter: CanaryMeter, tell: TellSpan): CanaryMeter {
  const told = (stage: string, took: number, error: string | null) =>
    tell({ ...OWN, name: `canary to ${stage}`, trace: traceOf({}), took, attributes: { 'waycast.stage': stage }, error });
  return {
    arrived: (stage, after) => {
      meter.arrived(stage, after);
      told(stage, after, null);
    },
    failed: (stage) => {
      meter.failed(stage);
      told(stage, 0, 'it has not arrived');
    },
    succeeded: () => meter.succeeded(),
  };
}

const OWN = { kind: 'internal' } as const;
