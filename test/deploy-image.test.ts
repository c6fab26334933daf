import { existsSync, globSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { V8_OPTIONS } from '../scripts/setup.mjs';
import { CLI, ROOT, settingsIn, textOf } from './support/deployment.ts';

const NODE_24 = 'node:24-slim';

describe('the image', () => {
  /** Each instruction with its arguments; lines that go on are one. */
  const instructions = textOf('deploy/Dockerfile')
    .replaceAll(/\\\n\s*/g, '')
    .split('\n')
    .filter((line) => /^[A-Z]+ /.test(line))
    .map((line) => ({ name: line.slice(0, line.indexOf(' ')), rest: line.slice(line.indexOf(' ') + 1) }));
  const every = (name: string): string[] => instructions.filter((one) => one.name === name).map(({ rest }) => rest);
  /** Of the last stage, which is what runs. */
  const last = instructions.slice(instructions.findLastIndex(({ name }) => name === 'FROM'));
  const only = (name: string): string => {
    const found = last.filter((one) => one.name === name);
    expect(found, name).toHaveLength(1);
    return found[0]?.rest ?? '';
  };
  const copied = every('COPY').filter((rest) => !rest.startsWith('--from'));

  it('starts as npm start does, by number not as root [V3]', () => {
    expect(JSON.parse(only('ENTRYPOINT'))).toEqual(['node', ...V8_OPTIONS, CLI]);
    expect(JSON.parse(only('CMD'))).toEqual(['serve']);
    const warmed = last.filter(({ name, rest }) => name === 'RUN' && rest.startsWith('['));
    expect(warmed.map(({ rest }) => JSON.parse(rest))).toEqual([['node', ...V8_OPTIONS, CLI, 'serve', '--help']]);
    expect(only('USER')).toMatch(/^[1-9]\d*:[1-9]\d*$/);
    expect(only('STOPSIGNAL')).toBe('SIGTERM');
  });

  it('runs on the Node that package.json asks for [V3]', () => {
    const images = every('FROM').map((rest) => rest.split(' ')[0]);
    expect(new Set(images.filter((image) => image?.includes(':')))).toEqual(new Set([NODE_24]));
    expect((JSON.parse(textOf('package.json')) as { engines: { node: string } }).engines.node).toBe('>=24');
  });

  it('has every manifest the lock file knows, and the sources of all that the server needs [V3]', () => {
    interface Manifest {
      readonly name: string;
      readonly dependencies?: Record<string, string>;
    }
    const manifests = new Map(
      globSync('{packages,tools}/*/package.json', { cwd: ROOT })
        .map((path) => path.replaceAll('\\', '/'))
        .map((path) => [path, JSON.parse(textOf(path)) as Manifest]),
    );
    const sources = copied.flatMap((rest) => rest.split(' ').slice(0, -1));
    for (const source of sources) expect(existsSync(join(ROOT, source)), source).toBe(true);
    expect([...manifests.keys()].filter((path) => !sources.includes(path))).toEqual([]);
    const built = instructions.slice(instructions.findIndex(({ name, rest }) => name === 'FROM' && rest.endsWith(' AS server')) + 1);
    const ofServer = built.slice(
      0,
      built.findIndex(({ name }) => name === 'FROM'),
    );
    const from = ofServer.filter(({ name }) => name === 'COPY').flatMap(({ rest }) => rest.split(' '));
    const needed = new Set<string>();
    const need = (name: string): void => {
      const found = [...manifests].find(([, manifest]) => manifest.name === name);
      if (found === undefined || needed.has(name)) return;
      needed.add(name);
      expect(
        [found[0].replace('package.json', 'src'), dirname(found[0])].some((folder) => from.includes(folder)),
        name,
      ).toBe(true);
      for (const other of Object.keys(found[1].dependencies ?? {})) need(other);
    };
    need('@waycast/server');
    expect(needed.size).toBe(5);
    expect(ofServer.at(-1)).toEqual({ name: 'RUN', rest: `node packages/server/bundle.ts ${dirname(CLI)}` });
    const taken = last.filter(({ name }) => name === 'COPY').map(({ rest }) => rest);
    for (const [stage, folder] of [
      ['server', dirname(CLI)],
      ['dashboard', 'packages/dashboard/dist'],
    ])
      expect(taken).toContain(`--from=${stage} /app/${folder} ${folder}`);
  });

  it('builds the dashboard with all that its tsconfig stands on [V3]', () => {
    const folder = join('packages', 'dashboard');
    const { extends: base } = JSON.parse(textOf(join(folder, 'tsconfig.json'))) as { extends: string };
    expect(copied.flatMap((rest) => rest.split(' ').slice(0, -1))).toContain(join(folder, base));
  });

  it('takes no secrets, data and modules of this machine along [V3 V5]', () => {
    const lines = textOf('deploy/Dockerfile.dockerignore').split('\n');
    expect(lines.filter((line) => line !== '' && !line.startsWith('#'))[0]).toBe('*');
    for (const pattern of ['**/node_modules', '**/dist', '**/data', '**/.env*']) expect(lines).toContain(pattern);
    const first = new Set(copied.flatMap((rest) => rest.split(' ').slice(0, -1)).map((source) => source.split('/')[0]));
    for (const one of first) expect(lines).toContain(`!${one}`);
  });

  it('sets only what is a setting [V2]', () => {
    const env = Object.fromEntries(
      only('ENV')
        .split(' ')
        .map((one) => one.split('=') as [string, string]),
    );
    expect(settingsIn(env)).toMatchObject({ host: '0.0.0.0', dataDir: '/data' });
  });
});
