import { spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { ROOT } from './support/deployment.ts';
import { tempDir } from './support/server.ts';

let home = '';
const dist = () => join(home, 'packages', 'server', 'dist');
const at = (path: string) => join(home, 'packages', 'server', 'src', path);

/** A project of its own, as small as can be: an entry, a part that is loaded when it is wanted, and a thread. */
beforeEach(() => {
  home = tempDir();
  for (const folder of ['packages/server', 'packages/client', 'packages/protocol', 'tools/replay', 'tools/simulator']) {
    mkdirSync(join(home, folder, 'src'), { recursive: true });
    writeFileSync(join(home, folder, 'package.json'), '{"type":"module","version":"1.2.3"}');
  }
  cpSync(join(ROOT, 'scripts'), join(home, 'scripts'), { recursive: true });
  cpSync(join(ROOT, 'packages/server/bundle.ts'), join(home, 'packages/server/bundle.ts'));
  mkdirSync(join(home, 'node_modules'));
  symlinkSync(join(ROOT, 'node_modules', 'rolldown'), join(home, 'node_modules', 'rolldown'));
  mkdirSync(dirname(at('threads/thread.ts')));
  writeFileSync(
    at('cli.ts'),
    `import { Worker } from 'node:worker_threads';
     import manifest from '../package.json' with { type: 'json' };
     const [what = ''] = process.argv.slice(2);
     if (what === 'part') console.log((await import('./part.ts')).PART);
     else if (what === 'thread') new Worker(new URL('./threads/thread.ts', import.meta.url)).on('message', (text: string) => console.log(text));
     else console.log(manifest.version);`,
  );
  writeFileSync(at('part.ts'), `export const PART: string = 'one';`);
  writeFileSync(
    at('threads/thread.ts'),
    `import { readFileSync } from 'node:fs';
     import { parentPort } from 'node:worker_threads';
     parentPort?.postMessage('of ' + JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version);`,
  );
});
afterEach(() => rmSync(home, { recursive: true, force: true }));

const node = (...args: string[]) => spawnSync(process.execPath, args, { cwd: home, encoding: 'utf8' });
/** What it said. */
function build(): string {
  const { status, stdout, stderr } = node('-e', `import('./scripts/build-server.mjs').then((made) => made.buildServer(process.execPath))`);
  expect([status, stdout], stderr).toEqual([0, '']);
  return stderr;
}
const runs = (...args: string[]) => node(join(dist(), 'cli.js'), ...args).stdout.trim();
const parts = () => readdirSync(dist()).filter((name) => name.startsWith('part-'));

describe('the built server [V12]', () => {
  it('is what the sources are, threads and files beside them included, and is built once', () => {
    expect(build()).toContain('building the server');
    expect([runs('version'), runs('part'), runs('thread')]).toEqual(['1.2.3', 'one', 'of 1.2.3']);
    expect(build()).toBe('');
  });

  it('is built anew when a source has changed, and leaves what runs from the one before its parts', () => {
    build();
    const [first = ''] = parts();
    const longAgo = new Date(Date.now() - 90 * 24 * 3_600_000);
    utimesSync(join(dist(), first), longAgo, longAgo);
    writeFileSync(at('part.ts'), `export const PART: string = 'two';`);
    expect(build()).toContain('building the server');
    expect(runs('part')).toBe('two');
    expect(parts()).toContain(first);
    writeFileSync(at('part.ts'), `export const PART: string = 'three';`);
    build();
    expect(runs('part')).toBe('three');
    expect(parts()).toHaveLength(2);
    expect(parts()).not.toContain(first);
    expect(readdirSync(dist()).filter((name) => name.startsWith('new-'))).toEqual([]);
  });

  it('is mended when a part is missing, or its making was cut short', () => {
    build();
    for (const name of parts()) rmSync(join(dist(), name));
    expect(build()).toContain('building the server');
    expect(runs('part')).toBe('one');
    const stamp = join(dist(), '.built-from.json');
    writeFileSync(stamp, readFileSync(stamp, 'utf8').slice(0, 20));
    expect(build()).toContain('building the server');
    expect(build()).toBe('');
  });

  it('says which source names a file beside it in a way that could not be built', () => {
    writeFileSync(at('part.ts'), `export const PART: string = import.meta.dirname;`);
    const { status, stderr } = node(join(home, 'packages/server/bundle.ts'), join(home, 'out'));
    expect(status).toBe(1);
    expect(stderr).toContain('part.ts: a file beside it is named by new URL');
    expect(existsSync(join(home, 'out', 'cli.js'))).toBe(false);
  });
});

it('the sources run as they are, too', () => {
  const { stdout } = spawnSync(process.execPath, [join(ROOT, 'packages/server/src/cli.ts'), '--version'], { encoding: 'utf8' });
  expect(stdout.trim()).toBe((JSON.parse(readFileSync(join(ROOT, 'packages/server/package.json'), 'utf8')) as { version: string }).version);
});
