import type { Trace } from './trace.ts';

/** Something that has just ended, as OpenTelemetry tells it. */
export interface EndedSpan {
  readonly name: string;
  readonly kind: 'server' | 'client' | 'internal';
  /** Its span is this one. */
  readonly trace: Trace;
  /** ms it took. */
  readonly took: number;
  readonly attributes: Readonly<Record<string, string | number>>;
  /** Why it failed; null when it did not. */
  readonly error: string | null;
}

/** Tells whoever collects them; never throws, never waits. */
export type TellSpan = (span: EndedSpan) => void;
