/** What a `traceparent` header says (W3C Trace Context, levels 1 and 2): hex in lower case. */
export interface TraceParent {
  /** 32 digits, not all zero: the whole of what some caller set going. */
  readonly traceId: string;
  /** 16 digits, not all zero: whatever in it made this request. */
  readonly spanId: string;
  /** Those that are known: SAMPLED, RANDOM. */
  readonly flags: number;
}

/** Somebody may have recorded it. */
export const SAMPLED = 0x01;
/** Level 2: the last 7 bytes of the trace id are random. */
const RANDOM = 0x02;

const SHAPE = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const NO_TRACE = '0'.repeat(32);
const NO_SPAN = '0'.repeat(16);

/** Reads the header as the standard wants it; null for anything it does not allow. Of later versions what is known here is taken. */
export function parseTraceParent(header: string): TraceParent | null {
  const [, version, traceId = '', spanId = '', flags = '', more] = SHAPE.exec(header) ?? [];
  if (version === undefined || version === 'ff') return null;
  if (version === '00' && more !== undefined) return null;
  if (traceId === NO_TRACE || spanId === NO_SPAN) return null;
  return { traceId, spanId, flags: Number.parseInt(flags, 16) & (SAMPLED | RANDOM) };
}

/** As version 00 writes it. */
export function traceParentText({ traceId, spanId, flags }: TraceParent): string {
  return `00-${traceId}-${spanId}-${flags.toString(16).padStart(2, '0')}`;
}
