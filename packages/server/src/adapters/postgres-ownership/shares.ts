/** Who owns what, as the database's locks say. */
export interface Holdings {
  /** The processes there are, by their numbers. */
  readonly members: readonly number[];
  /** The partitions that somebody owns, and who; `null`: a session that is no member any more. */
  readonly owners: ReadonlyMap<number, number | null>;
}

/** What one process has to do for all to have even shares. */
export interface Change {
  readonly give: readonly number[];
  readonly take: readonly number[];
}

/**
 * The next step of one process towards even shares: as many as are due to it by its rank among the members; what nobody
 * has is taken, what is too much is given. Nothing changes hands that need not. Every process decides this for itself and
 * by the same rule, so that together they come to rest [P3].
 */
export function nextStep(me: number, partitions: number, { members, owners }: Holdings): Change {
  const ranked = [...members].sort((a, b) => a - b);
  const rank = ranked.indexOf(me);
  if (rank < 0) return { give: [], take: [] };
  const due = Math.floor(partitions / ranked.length) + (rank < partitions % ranked.length ? 1 : 0);
  const mine: number[] = [];
  const free: number[] = [];
  for (let partition = 0; partition < partitions; partition++) {
    const owner = owners.get(partition);
    if (owner === undefined) free.push(partition);
    else if (owner === me) mine.push(partition);
  }
  if (mine.length > due) return { give: mine.slice(due), take: [] };
  // Each begins elsewhere, so that those who come together do not all reach for the same.
  const from = free.findIndex((partition) => partition >= Math.floor((partitions * rank) / ranked.length));
  const inOrder = from < 0 ? free : [...free.slice(from), ...free.slice(0, from)];
  return { give: [], take: inOrder.slice(0, due - mine.length) };
}
