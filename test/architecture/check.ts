import { posix } from 'node:path';
import { cycles } from './cycles.ts';
import { type Import, type SourceFile, scan } from './imports.ts';
import { layerOf, wrongArrow } from './layers.ts';

/** Grab-bags by another name. */
const NAMELESS = /^(?:.*[-.])?(?:utils?|helpers?|common|misc)(?:[-.].*)?$/i;

/** Tests, and what only tests use, look at anything; the rest of the rules holds for them too. */
export function isTest(path: string): boolean {
  return /\.test\.tsx?$/.test(path) || /\/(?:testing|contracts)\//.test(path);
}

function isForTests({ specifier, target }: Import): boolean {
  return target === null ? /^(?:vitest|fast-check)(?:\/|$)/.test(specifier) : isTest(target);
}

/** Everything that ARCHITECTURE.md and the style forbid, as `path:line: rule`. */
export function check(files: readonly SourceFile[]): string[] {
  const scanned = files.map(scan);
  const roots = scanned.filter(({ path }) => ['server', 'foundations'].includes(layerOf(path)));
  const adapters = new Set(roots.flatMap(({ imports }) => imports.flatMap(({ target }) => (target === null ? [] : [target]))));
  const wrong: string[] = [];
  for (const { path, imports, traits } of scanned) {
    const say = (line: number, rule: string) => wrong.push(`${path}:${line}: ${rule}`);
    const isConfig = path.endsWith('.config.ts');
    const folders = posix.dirname(path).split('/');
    if ([posix.basename(path).replace(/\.tsx?$/, ''), ...folders].some((name) => NAMELESS.test(name)))
      say(1, 'a file is named after the one thing it holds');
    for (const { line, what, text } of traits) {
      if (what === 'default export' && isConfig) continue;
      if (what === 'clock or chance') {
        if (layerOf(path) === 'core' && !isTest(path)) say(line, `core knows no clock and no chance: ${text}`);
      } else {
        say(line, `${what}: ${text}`);
      }
    }
    if (isTest(path) || isConfig) continue;
    for (const one of imports) {
      // Data, of nobody's layer.
      if (one.target?.endsWith('.json')) continue;
      const rule = isForTests(one) ? 'only tests import what is for tests' : wrongArrow(path, one, adapters);
      if (rule !== null) say(one.line, `${rule} (${one.specifier})`);
    }
  }
  for (const way of cycles(scanned)) wrong.push(`${way[0]}:1: imports go in a circle: ${[...way, way[0]].join(' > ')}`);
  return wrong;
}
