import { afterEach, expect, it } from 'vitest';
import { type Child, start } from './children.ts';
import { Generator } from './generator.ts';

let child: Child | undefined;
afterEach(() => child?.stop());

it('loses nothing of what a generator says at once, however busy the machine', async () => {
  const said = ['ready 2 0.5', 'begin', 'end', 'result {"p50":1}'].map((line) => `${line}\\n`).join('');
  child = start(
    { command: process.execPath, args: ['-e', `process.stdout.write('${said}'); process.stdin.resume()`], env: {} },
    undefined,
    true,
  );
  const generator = new Generator(child);
  const edges: string[] = [];
  expect(await generator.connected()).toBe(0.5);
  expect(await generator.run(1, { seconds: 1, lead: 0, drain: 1 }, (edge) => edges.push(edge))).toEqual({ p50: 1 });
  expect(edges).toEqual(['begin', 'end']);
});
