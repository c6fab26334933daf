/** Ids of stream entries are `ms-seq`; positions count from here, so that they fit a number until 2089. */
const SINCE = Date.UTC(2020, 0, 1);
/** Ids within one millisecond. The log sees to it that there are never more. */
export const PER_MS = 4_096;

/** The position of a stream's entry. */
export function positionOf(id: string): number {
  const dash = id.indexOf('-');
  return (Number(id.slice(0, dash)) - SINCE) * PER_MS + Number(id.slice(dash + 1));
}

/** The id at this position; positions of other logs, from before 2020, included. */
export function idOf(position: number): string {
  const ms = Math.floor(position / PER_MS);
  return `${ms + SINCE}-${position - ms * PER_MS}`;
}

/** When an entry was appended, epoch ms by the clock of Redis. */
export function timeOf(position: number): number {
  return Math.floor(position / PER_MS) + SINCE;
}
