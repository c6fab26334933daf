/**
 * A largest pairing of lefts with rights. `edges[l]` lists the rights that fit left `l`. Lefts are served in order: an earlier one
 * goes without only when no pairing of it and those before it exists. Answers the right of each left, -1 for none.
 */
export function matching(edges: readonly (readonly number[])[]): number[] {
  const rightOf = edges.map(() => -1);
  const leftOf = new Map<number, number>();
  edges.forEach((_, start) => {
    // Breadth first along alternating paths; `cameFrom` tells which left led to a right.
    const cameFrom = new Map<number, number>();
    const queue = [start];
    for (let left = queue.shift(); left !== undefined; left = queue.shift()) {
      const free = edges[left]?.find((right) => !leftOf.has(right));
      if (free !== undefined) {
        cameFrom.set(free, left);
        flip(free, cameFrom, rightOf, leftOf);
        return;
      }
      for (const right of edges[left] ?? []) {
        if (cameFrom.has(right)) continue;
        cameFrom.set(right, left);
        queue.push(leftOf.get(right) ?? start);
      }
    }
  });
  return rightOf;
}

function flip(end: number, cameFrom: ReadonlyMap<number, number>, rightOf: number[], leftOf: Map<number, number>): void {
  for (let right = end; right !== -1; ) {
    const left = cameFrom.get(right) ?? -1;
    const before = rightOf[left] ?? -1;
    rightOf[left] = right;
    leftOf.set(right, left);
    right = before;
  }
}
