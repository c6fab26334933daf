/**
 * What the road reports about itself. Times are monotonic ms (`performance.now`); a batch is measured by its
 * oldest fix, so that what is shown is never better than what the slowest one saw.
 */
export interface Meter {
  /** So many fixes went into the log. */
  taken(fixes: number): void;
  /** A live fix was dealt with; `since` is when its message came. */
  accepted(since: number): void;
  /** A batch was handed to the watchers. */
  delivered(since: number, messages: number): void;
  /** A batch was committed. */
  stored(since: number, rows: number): void;
  refused(code: string): void;
}
