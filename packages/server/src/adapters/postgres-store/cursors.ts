/** Where a page of a list in two keys ended: a number and an id. */
export function splitCursor(cursor: string): [number, string] {
  const at = cursor.indexOf('~');
  return [Number(cursor.slice(0, at)), cursor.slice(at + 1)];
}
