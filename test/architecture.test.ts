import { globSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { check } from './architecture/check.ts';
import type { SourceFile } from './architecture/imports.ts';

const ROOT = resolve(import.meta.dirname, '..');
const SERVER = 'packages/server/src';

function sources(): SourceFile[] {
  return globSync(['packages/**/*.{ts,tsx}', 'tools/**/*.{ts,tsx}'], { cwd: ROOT, exclude: ['**/node_modules/**', '**/dist/**'] })
    .map((path) => path.replaceAll('\\', '/'))
    .sort()
    .map((path) => ({ path, text: readFileSync(resolve(ROOT, path), 'utf8') }));
}

/** What is found in one planted file. */
function planted(path: string, text: string): string[] {
  return check([{ path, text }]);
}

describe('ARCHITECTURE.md', () => {
  it('holds for every source', () => {
    const files = sources();
    expect(files.length).toBeGreaterThan(150);
    expect(check(files)).toEqual([]);
  });
});

describe('the scanner finds', () => {
  it.each([
    ['a static import', `import { a } from '../hub/hub.ts';`],
    ['one for its effects', `import '../hub/hub.ts';`],
    ['one of types', `import type { A } from '../hub/hub.ts';`],
    ['an inline type, which stays at run time', `import { type A } from '../hub/hub.ts';`],
    ['export from', `export { a } from '../hub/hub.ts';`],
    ['export type from', `export type { A } from '../hub/hub.ts';`],
    ['a dynamic import', `const hub = () => import('../hub/hub.ts');`],
    ['a dynamic import by template', `const hub = (name: string) => import(\`../hub/\${name}.ts\`);`],
    ['a type by import()', `export type A = import('../hub/hub.ts').A;`],
    ['the file of a worker', `new Worker(new URL('../hub/hub.ts', import.meta.url));`],
    ['one over several lines', `import {\n  a,\n  b,\n} from '../hub/hub.ts';`],
  ])('%s', (_, text) => {
    expect(planted(`${SERVER}/core/x.ts`, `\n${text}\n`)).toEqual([
      expect.stringMatching(/^packages\/server\/src\/core\/x\.ts:2: core may not import hub \(\.\.\/hub\//),
    ]);
  });

  it('nothing in comments, strings and regular expressions', () => {
    const text = `// import '../hub/hub.ts'\n/* export * from './x.ts' */\nexport const a = ["import '../hub/hub.ts'", /from '..'/, \`Date.now()\`];`;
    expect(planted(`${SERVER}/core/x.ts`, text)).toEqual([]);
  });

  it('an import that cannot be read', () => {
    expect(planted(`${SERVER}/hub/x.ts`, 'export const load = (path: string) => import(path);')).toEqual([
      `${SERVER}/hub/x.ts:1: import that is no literal: import(path)`,
    ]);
  });
});

describe('an arrow that runs the wrong way', () => {
  it.each([
    ['packages/protocol/src/x.ts', `import { a } from '@waycast/client';`, 'protocol may not import client'],
    ['packages/client/src/x.ts', `import { a } from '@waycast/protocol';`, 'client may import only types of protocol'],
    ['packages/dashboard/src/x.tsx', `import { a } from '@waycast/protocol';`, 'dashboard may import only types of protocol'],
    ['packages/dashboard/src/x.tsx', `import type { A } from '../../server/src/core/trip.ts';`, 'dashboard may not import core'],
    [`${SERVER}/core/x.ts`, `import { readFileSync } from 'node:fs';`, 'core imports no node: modules'],
    [`${SERVER}/core/x.ts`, `import { readFileSync } from 'fs';`, 'core imports no node: modules'],
    [`${SERVER}/hub/x.ts`, `import { logContract } from './contracts/log.ts';`, 'only tests import what is for tests'],
    ['packages/client/src/x.ts', `import { until } from './testing/until.ts';`, 'only tests import what is for tests'],
    ['packages/client/src/x.ts', `import { expect } from 'vitest';`, 'only tests import what is for tests'],
    [`${SERVER}/core/x.ts`, `import type { A } from '../adapters/memory-log.ts';`, 'core may not import adapters/memory-log'],
    [`${SERVER}/hub/x.ts`, `import { MemoryLog } from '../adapters/memory-log.ts';`, 'hub may not import adapters/memory-log'],
    [`${SERVER}/hub/x.ts`, `import type { A } from '../surfaces/views.ts';`, 'hub may not import surfaces/views'],
    [`${SERVER}/adapters/x.ts`, `import { Engine } from '../hub/engine.ts';`, 'adapters/x may not import hub'],
    [`${SERVER}/adapters/x.ts`, `import { FLEET } from '../hub/delivery.ts';`, 'adapters/x may import only types of hub'],
    [`${SERVER}/adapters/x.ts`, `import { A } from './own/a.ts';`, 'adapters/x may not import adapters/own'],
    [`${SERVER}/auth/x.ts`, `import { PARTITIONS } from '../hub/ports.ts';`, 'auth may import only types of hub'],
    [
      `${SERVER}/surfaces/rest/x.ts`,
      `import type { A } from '../../adapters/memory-log.ts';`,
      'surfaces/rest may not import adapters/memory-log',
    ],
    [`${SERVER}/surfaces/rest/x.ts`, `import type { A } from '../stream/stream.ts';`, 'surfaces/rest may not import surfaces/stream'],
    [`${SERVER}/surfaces/stream/x.ts`, `import { A } from '../rest/app.ts';`, 'surfaces/stream may not import surfaces/rest'],
    [`${SERVER}/surfaces/stream/x.ts`, `import { Tokens } from '../../auth/tokens.ts';`, 'surfaces/stream may import only types of auth'],
    [`${SERVER}/surfaces/rest/x.ts`, `import { advance } from '../../core/advance.ts';`, 'surfaces/rest may import only types of core'],
    [`${SERVER}/commands/x.ts`, `import { openHub } from '../hub/hub.ts';`, 'commands may not import hub'],
    [`${SERVER}/commands/x.ts`, `import { MemoryLog } from '../adapters/memory-log.ts';`, 'commands may not import adapters/memory-log'],
    [`${SERVER}/config.ts`, `import { A } from './adapters/memory-log.ts';`, 'config may not import adapters/memory-log'],
    ['tools/bench/src/x.ts', `import { A } from '../../../packages/server/src/cli.ts';`, 'bench may not import cli'],
    ['packages/novel/src/x.ts', `import { A } from '@waycast/client';`, 'novel has no place in test/architecture/layers.ts'],
  ])('%s: %s', (path, text, rule) => {
    expect(planted(path, text)).toEqual([expect.stringContaining(`${path}:1: ${rule} (`)]);
  });

  it('leads from one adapter to another, not to what lies beside it', () => {
    const root = { path: `${SERVER}/server.ts`, text: `import { A } from './adapters/a.ts';\nimport { B } from './adapters/b.ts';` };
    const b = { path: `${SERVER}/adapters/b.ts`, text: `import { A } from './a.ts';\nimport { Ring } from './ring.ts';` };
    expect(check([root, b])).toEqual([`${b.path}:1: adapters/b may not import adapters/a (./a.ts)`]);
  });

  it.each([
    [`${SERVER}/server.ts`, `import { MemoryLog } from './adapters/memory-log.ts';`],
    [`${SERVER}/adapters/x.ts`, `import { PARTITIONS } from '../hub/ports.ts';`],
    [`${SERVER}/adapters/own/x.ts`, `new Worker(new URL('./writer.ts', import.meta.url));`],
    [`${SERVER}/surfaces/rest/x.ts`, `import type { Trip } from '../../core/trip.ts';\nimport { tripView } from '../views.ts';`],
    ['packages/client/src/x.ts', `import type { ServerMessage } from '@waycast/protocol';`],
    ['packages/dashboard/src/x.tsx', `import { Rest } from '@waycast/client';`],
    [`${SERVER}/core/x.test.ts`, `import { truth } from '../../../../test/oracle/truth.ts';`],
  ])('and none that runs the right way: %s: %s', (path, text) => {
    expect(planted(path, text)).toEqual([]);
  });
});

describe('core is pure', () => {
  it.each([
    ['Date.now()', 'Date.now'],
    ['[1].map(Date.now)', 'Date.now'],
    ['new Date()', 'new Date()'],
    ['Date()', 'Date()'],
    ['Math.random()', 'Math.random'],
    ['performance.now()', 'performance.now'],
    ['setTimeout(() => 1, 5)', 'setTimeout(() => 1, 5)'],
    ['setInterval(() => 1, 5)', 'setInterval(() => 1, 5)'],
    ['crypto.randomUUID()', 'crypto.randomUUID'],
    ['process.hrtime()', 'process.hrtime'],
  ])('without %s', (call, told) => {
    expect(planted(`${SERVER}/core/x.ts`, `export const x = 1;\nexport const y = () => ${call};`)).toEqual([
      `${SERVER}/core/x.ts:2: core knows no clock and no chance: ${told}`,
    ]);
    expect(planted(`${SERVER}/hub/x.ts`, `export const y = () => ${call};`)).toEqual([]);
  });

  it('and may turn a time it is given into a date', () => {
    expect(planted(`${SERVER}/core/x.ts`, 'export const y = (at: number) => new Date(at).toISOString();')).toEqual([]);
  });
});

describe('names and exports', () => {
  it.each(['utils.ts', 'string-utils.ts', 'helpers.ts', 'helper.tsx', 'common.ts', 'misc.ts', 'utils/x.ts', 'x.helpers.ts'])(
    '%s',
    (name) => {
      expect(planted(`${SERVER}/hub/${name}`, 'export const x = 1;')).toEqual([
        `${SERVER}/hub/${name}:1: a file is named after the one thing it holds`,
      ]);
    },
  );

  it('allow words that only look like it', () => {
    expect(planted(`${SERVER}/hub/commonwealth.ts`, 'export const x = 1;')).toEqual([]);
  });

  it.each([
    ['export *', `export * from './x.ts';`],
    ['export *', `export * as x from './x.ts';`],
    ['default export', 'export default function x() {}'],
    ['default export', 'const x = 1;\nexport { x as default };'],
  ])('refuse %s: %s', (what, text) => {
    expect(planted(`${SERVER}/hub/y.ts`, text)).toEqual([expect.stringContaining(`: ${what}: `)]);
    expect(planted(`${SERVER}/hub/y.test.ts`, text)).toEqual([expect.stringContaining(`: ${what}: `)]);
  });

  it('let configuration files have the default export their tools want', () => {
    expect(planted('packages/dashboard/vite.config.ts', 'export default {};')).toEqual([]);
  });
});

describe('a circle of imports', () => {
  const a = (text: string) => ({ path: `${SERVER}/hub/a.ts`, text });
  const b = (text: string) => ({ path: `${SERVER}/hub/b.ts`, text });
  const c = (text: string) => ({ path: `${SERVER}/hub/c.ts`, text });

  it('is named with its way', () => {
    const files = [a(`import { b } from './b.ts';`), b(`import { c } from './c.ts';`), c(`export { a } from './a.ts';`)];
    expect(check(files)).toEqual([
      `${SERVER}/hub/a.ts:1: imports go in a circle: ${SERVER}/hub/a.ts > ${SERVER}/hub/b.ts > ${SERVER}/hub/c.ts > ${SERVER}/hub/a.ts`,
    ]);
  });

  it('is none where a type closes it, but is where only the names are types', () => {
    expect(check([a(`import { b } from './b.ts';`), b(`import type { A } from './a.ts';`)])).toEqual([]);
    expect(check([a(`import { b } from './b.ts';`), b(`import { type A } from './a.ts';`)])).toHaveLength(1);
  });

  it('is none where two ways meet', () => {
    expect(check([a(`import './b.ts';\nimport './c.ts';`), b(`import './c.ts';`), c('export const c = 1;')])).toEqual([]);
  });
});
