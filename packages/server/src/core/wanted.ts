/** What somebody wants to hear of: null stands for all. */
export interface Wish {
  readonly topic: string;
  /** Types, or `trip.*` for all that begin so. */
  readonly types: readonly string[] | null;
  /** One of these is enough. */
  readonly labels: readonly string[] | null;
}

export interface Offered {
  readonly topic: string;
  readonly type: string;
  readonly labels: readonly string[];
}

/** Whether a message is for somebody with this wish [W6]. */
export function isWanted({ topic, types, labels }: Wish, message: Offered): boolean {
  if (topic !== message.topic) return false;
  if (types !== null && !types.some((type) => matches(type, message.type))) return false;
  return labels === null || labels.some((label) => message.labels.includes(label));
}

function matches(wanted: string, type: string): boolean {
  return wanted.endsWith('.*') ? type.startsWith(wanted.slice(0, -1)) : wanted === type;
}
