/** A place in a list that is ordered by a number and then by an id, as pages name it. */
export function splitCursor(cursor: string): [number, string] {
  const at = cursor.indexOf('~');
  return [Number(cursor.slice(0, at)), cursor.slice(at + 1)];
}

/** Part of a list, and what to ask the next part with; null at the end. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly cursor: string | null;
}
