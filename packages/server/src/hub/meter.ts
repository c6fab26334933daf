/**
 * What the road reports about itself. Times are monotonic ms (`performance.now`); a batch is measured by its
 * oldest fix, so that what is shown is never better than what the slowest one saw.
 */
export interface Meter {
  /** A fix was taken into the log; `since` is when its message came. */
  accepted(since: number): void;
  /** A batch was handed to the watchers. */
  delivered(since: number, messages: number): void;
  /** A batch was committed. */
  stored(since: number, rows: number): void;
  refused(code: string): void;
}
