/** A command on its way into the stream. */
export interface Unsent {
  readonly text: string;
  /** Whether it may be sent again when nobody knows whether it has arrived: repeats of it are recognised. */
  readonly repeatable: boolean;
}

/** Redis does not take what it is sent. */
export interface Refusal {
  /** And what to do about it. */
  readonly why: string;
  /** Whether it would take nothing else either. */
  readonly isOfAll: boolean;
  /** When it is asked again, `performance.now()`. */
  readonly retryAt: number;
}

/** What a process knows of one partition's stream. */
export interface Lane {
  readonly partition: number;
  readonly key: string;
  /** Not in the stream yet, as far as is known; in order. */
  unsent: Unsent[];
  /** How many of them, from the front, are being sent. */
  sending: number;
  /** Null while Redis takes them. */
  refusal: Refusal | null;
  /** How many the stream had, when last asked. */
  length: number;
  /** What they took in the memory of Redis when last asked, and what was appended here since. */
  bytes: number;
  /** Counts openings; 0 while it is closed. */
  opened: number;
  /** Position of the last entry handed on. */
  cursor: number;
  /** Up to here it may be trimmed; 0 when there is nothing to trim. */
  trimTo: number;
}

export function newLane(partition: number, key: string): Lane {
  return { partition, key, unsent: [], sending: 0, refusal: null, length: 0, bytes: 0, opened: 0, cursor: 0, trimTo: 0 };
}
