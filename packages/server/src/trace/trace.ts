import { AsyncLocalStorage } from 'node:async_hooks';
import { createHash, randomBytes } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { parseTraceParent, SAMPLED, type TraceParent, traceParentText } from './traceparent.ts';

/** Our part in a trace: `spanId` is our own, what we call is told it as its caller. */
export interface Trace extends TraceParent {
  /** The caller's `tracestate`, passed on as it is; null without one. */
  readonly state: string | null;
  /** The caller's span; null when the trace begins here. */
  readonly parentId: string | null;
}

/** At least so much of a tracestate has to be passed on by the standard; nobody needs more. */
const MOST_STATE = 512;
const PRINTABLE = /^[\x20-\x7e\t]+$/;

const current = new AsyncLocalStorage<Trace>();

/**
 * The trace a request belongs to: the caller's, or a new one. Whoever sends no `traceparent`, or one that is none, has no
 * say in it, and its `tracestate` counts for nothing.
 */
export function traceOf(headers: IncomingHttpHeaders): Trace {
  const { traceparent, tracestate } = headers;
  const parent = typeof traceparent === 'string' ? parseTraceParent(traceparent.trim()) : null;
  const spanId = newSpanId();
  // Nothing is recorded here; yet a flag of 0 would tell those we call to record nothing either.
  if (parent === null) return { traceId: randomBytes(16).toString('hex'), spanId, flags: SAMPLED, state: null, parentId: null };
  const state = [tracestate].flat().join(',');
  const isKept = state.length <= MOST_STATE && PRINTABLE.test(state);
  return { ...parent, spanId, parentId: parent.spanId, state: isKept ? state : null };
}

/**
 * The trace of something that is sent again and again under one name, perhaps by another process: the same each time,
 * every try a span of its own.
 */
export function traceNamed(name: string): Trace {
  const traceId = createHash('sha256').update(name).digest('hex').slice(0, 32);
  return { traceId, spanId: newSpanId(), flags: SAMPLED, state: null, parentId: null };
}

/** What `work` sets going belongs to this trace, until its promise settles. */
export function within<T>(trace: Trace, work: () => T): T {
  return current.run(trace, work);
}

/** The trace of the request on whose behalf this is done; undefined when there is none. */
export function currentTrace(): Trace | undefined {
  return current.getStore();
}

/** For a log line about what is done now. */
export function traceField(): { readonly trace?: string } {
  const trace = currentTrace();
  return trace === undefined ? {} : { trace: trace.traceId };
}

/** What tells somebody we call of the trace; nothing without one. */
export function traceHeaders(trace: Trace | undefined): Readonly<Record<string, string>> {
  if (trace === undefined) return {};
  return { traceparent: traceParentText(trace), ...(trace.state !== null && { tracestate: trace.state }) };
}

function newSpanId(): string {
  return randomBytes(8).toString('hex');
}
