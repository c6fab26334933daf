/** Part of a list, and what to ask the next part with; null at the end. */
export interface Page<T> {
  readonly items: readonly T[];
  readonly cursor: string | null;
}
