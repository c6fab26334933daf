import type { Ack, Attempt, WatermarkAck } from './journal.ts';
import type { Violation } from './observed.ts';

/** A2: these do not settle a number; every other refusal does. */
const RETRYABLE = new Set(['rate_limited', 'out_of_window', 'storage_unavailable']);

/** F9: attempts of the same identity are the same fix. One without number and capture is a fix of its own each time. */
export function identityOf(attempt: Attempt): string {
  const { driver, fix } = attempt;
  if (attempt.seq !== undefined) return JSON.stringify([driver, 'stream', attempt.stream ?? '', attempt.seq]);
  if (fix.at === null) return JSON.stringify([attempt.producer, attempt.n]);
  return JSON.stringify([driver, 'at', fix.at, Math.round(fix.lat * 1e7) + 0, Math.round(fix.lng * 1e7) + 0]);
}

const streamOf = (entry: { driver: string; stream?: string | undefined }): string => JSON.stringify([entry.driver, entry.stream ?? '']);

/** The identities that the server said are stored, and acknowledgements that cannot be true. */
export function acknowledged(attempts: readonly Attempt[], acks: readonly Ack[]): { identities: Set<string>; violations: Violation[] } {
  const identities = new Set<string>();
  const violations: Violation[] = [];
  const sent = new Map(attempts.map((attempt) => [`${attempt.producer}#${attempt.n}`, attempt]));
  for (const ack of acks) {
    if (ack.type !== 'receipt') continue;
    const refused = new Set(ack.rejected?.map(({ index }) => index));
    ack.attempts.forEach((n, index) => {
      const attempt = sent.get(`${ack.producer}#${n}`);
      if (attempt === undefined)
        violations.push({
          rule: 'I1',
          code: 'acked-unsent',
          message: `a receipt of ${ack.producer} names attempt ${n}, which is not there`,
        });
      else if (!refused.has(index)) identities.add(identityOf(attempt));
    });
  }
  const streams = Map.groupBy(
    [...attempts.filter((attempt) => attempt.seq !== undefined), ...acks.filter((ack) => ack.type !== 'receipt')],
    streamOf,
  );
  const streamsOf = Map.groupBy(streams.keys(), (key) => String(JSON.parse(key)[0]));
  for (const entries of streams.values()) {
    const driver = entries[0]?.driver ?? '';
    // F10: more streams than are remembered may be answered from the beginning.
    const forgets = (streamsOf.get(driver)?.length ?? 0) > 16;
    violations.push(...followStream(entries, identities, forgets));
  }
  return { identities, violations };
}

type Entry = Attempt | Exclude<Ack, { type: 'receipt' }>;

/** One stream in the order its producer lived it. */
function followStream(entries: readonly Entry[], identities: Set<string>, forgets: boolean): Violation[] {
  const violations: Violation[] = [];
  const refused = new Set<number>();
  const refuse = (seq: number, code: string): void => {
    // The first of two that share a number is stored though the other was refused.
    if (!RETRYABLE.has(code) && code !== 'conflict') refused.add(seq);
  };
  for (const entry of entries) {
    if (entry.type === 'refusal') refuse(entry.seq, entry.code);
    if (entry.type === 'watermark') for (const { seq, code } of entry.rejected ?? []) refuse(seq, code);
  }
  const waiting = new Map<number, Attempt>();
  const seen = new Set<number>();
  let base = 1;
  let stored = 0;
  for (const entry of [...entries].sort((a, b) => a.n - b.n)) {
    if (entry.type === 'attempt') {
      const seq = entry.seq ?? 0;
      base = Math.max(base, entry.base ?? 1);
      seen.add(seq);
      waiting.set(seq, entry);
    } else if (entry.type === 'watermark') {
      violations.push(...impossible(entry, stored, base, seen, forgets));
      for (const [seq, attempt] of waiting) {
        if (seq > entry.stored) continue;
        waiting.delete(seq);
        // A3: what the client let go of unacknowledged counts as settled, stored or not.
        if (seq >= base && seq > stored && !refused.has(seq)) identities.add(identityOf(attempt));
      }
      stored = Math.max(stored, entry.stored);
    }
  }
  return violations;
}

function impossible(ack: WatermarkAck, stored: number, base: number, seen: ReadonlySet<number>, forgets: boolean): Violation[] {
  const violations: Violation[] = [];
  const where = `${ack.driver} stream ${ack.stream}`;
  if (ack.stored < stored && !forgets)
    violations.push({ rule: 'I1', code: 'stored-fell-back', message: `${where}: stored ${ack.stored} after stored ${stored}` });
  const from = Math.max(base, stored + 1);
  // The shorter way round: a watermark usually moves by a few, a wrong one may be anywhere.
  let known = 0;
  if (ack.stored - from < seen.size) for (let seq = from; seq <= ack.stored; seq++) known += seen.has(seq) ? 1 : 0;
  else for (const seq of seen) known += seq >= from && seq <= ack.stored ? 1 : 0;
  const unsent = ack.stored - from + 1 - known;
  if (unsent > 0)
    violations.push({
      rule: 'I1',
      code: 'acked-unsent',
      message: `${where}: stored ${ack.stored} covers ${unsent} numbers from ${from} on that were never sent`,
    });
  return violations;
}
