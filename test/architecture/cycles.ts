import type { Scanned } from './imports.ts';

/** Each way around that imports take at run time, as the files in order; [] when there is none. */
export function cycles(files: readonly Scanned[]): string[][] {
  const targets = new Map(
    files.map(({ path, imports }) => [path, imports.flatMap(({ kind, target }) => (kind === 'value' && target !== null ? [target] : []))]),
  );
  const done = new Set<string>();
  const found: string[][] = [];
  const walk = (path: string, trail: readonly string[]): void => {
    const before = trail.indexOf(path);
    if (before >= 0) found.push(trail.slice(before));
    if (before >= 0 || done.has(path)) return;
    for (const target of targets.get(path) ?? []) walk(target, [...trail, path]);
    done.add(path);
  };
  for (const path of targets.keys()) walk(path, []);
  return found;
}
