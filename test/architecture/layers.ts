import { isBuiltin } from 'node:module';
import type { Import } from './imports.ts';

const SERVER = 'packages/server/src/';

/** Where a file stands. Of adapters and surfaces each folder, or file beside them, is a place of its own. */
export function layerOf(path: string): string {
  if (path.startsWith(SERVER)) {
    const [first = '', second] = path.slice(SERVER.length).split('/');
    if (second === undefined) return first.replace(/\.ts$/, '');
    if (first === 'adapters' || first === 'surfaces') return `${first}/${second.replace(/\.ts$/, '')}`;
    return first;
  }
  const own = /^(?:packages|tools)\/([^/]+)\//.exec(path);
  return own?.[1] ?? 'elsewhere';
}

interface Arrow {
  /** a layer, or a file or folder by its path within the server; `*` at the end stands for anything */
  readonly to: string;
  /** only `import type` */
  readonly types?: boolean;
  /** only from this file */
  readonly from?: string;
  /** only as the file of another process */
  readonly url?: boolean;
}

const to = (...layers: string[]): Arrow[] => layers.map((layer) => ({ to: layer }));
const types = (...layers: string[]): Arrow[] => layers.map((layer) => ({ to: layer, types: true }));

/** The arrows of ARCHITECTURE.md, all of them; every layer may look at itself as well. */
const ARROWS: Readonly<Record<string, readonly Arrow[]>> = {
  protocol: [],
  client: types('protocol'),
  dashboard: [...to('client'), ...types('protocol')],
  core: to('protocol'),
  hub: to('core', 'protocol'),
  'adapters/*': [
    ...to(
      'hub/ports.ts',
      'hub/storage-ports.ts',
      'hub/page.ts',
      'hub/partition.ts',
      'hub/cursor-moved.ts',
      'hub/store-broken.ts',
      'hub/fleet-row.ts',
      'archive/ports.ts',
      'http-get',
      'core',
      'protocol',
      'startup-error',
      'trace',
    ),
    ...types('hub/directory/directory.ts', 'hub/outbox/ports.ts', 'hub/delivery.ts', 'hub/mirror-write.ts'),
    // The one connection that all of those on Redis share.
    ...to('adapters/redis'),
  ],
  // History that left the store: it stands on its own ports; in a thread of its own it opens what those are.
  archive: [
    ...to(
      'core',
      'hub/page.ts',
      'protocol',
      'startup-error',
      'adapters/archive-folder',
      'adapters/archive-bucket',
      'adapters/sqlite-store/aged-history.ts',
      'adapters/postgres-store/aged-history.ts',
    ),
    ...types('hub/storage-ports.ts', 'hub/page.ts'),
  ],
  auth: [...to('hub/principal.ts', 'protocol', 'startup-error', 'http-get'), ...types('hub/ports.ts')],
  // Codecs: pure, and what differs between contracts is theirs alone. What they want mirrored they say in the port's words.
  dialects: [...to('protocol', 'core'), ...types('hub/mirror-write.ts')],
  // Core decides nothing at a surface's call: beside its types only what reads a distance, an ETA or a state.
  'surfaces/*': [
    ...to(
      'hub',
      'protocol',
      'dialects',
      'surfaces/views',
      'surfaces/problem',
      'surfaces/bearer',
      'surfaces/websocket',
      'surfaces/rest/refusals.ts',
      'surfaces/rest/problem.ts',
      'surfaces/rest/reference/channel.ts',
      'core/geo.ts',
      'core/eta.ts',
      'core/lifecycle.ts',
      'trace',
    ),
    ...types('core', 'auth', 'metrics', 'archive'),
  ],
  'surfaces/problem': [...to('protocol')],
  'surfaces/bearer': [...to('protocol')],
  'surfaces/views': [...to('core/driver.ts', 'protocol'), ...types('core', 'hub')],
  commands: [
    ...to(
      'server',
      'upkeep',
      'archive',
      'doctor',
      'config',
      'workers',
      'http-servers',
      'auth',
      'hub/principal.ts',
      'client',
      'simulator',
      'replay',
      'startup-error',
    ),
    ...types('protocol'),
    { to: 'cli', url: true, from: 'commands/serve.ts' },
  ],
  'open-surfaces': [
    ...to('hub', 'surfaces/*', 'auth', 'trace', 'version'),
    ...types('config', 'metrics', 'http-servers', 'foundations', 'archive'),
  ],
  // What the hub stands on, by the way it runs; mirrors for other services speak the words of a dialect.
  foundations: [...to('adapters/*', 'dialects'), ...types('hub', 'archive')],
  // It looks at what a server would stand on, without a server: the adapters by their inspecting files, never the hub.
  doctor: to('adapters/*', 'archive', 'auth', 'config', 'http-servers', 'hub/ports.ts', 'startup-error', 'version'),
  server: to(
    'open-surfaces',
    'foundations',
    'archive',
    'workers',
    'hub',
    'http-servers',
    'log',
    'adapters/*',
    'surfaces/*',
    'auth',
    'config',
    'metrics',
    'startup-error',
    'telemetry',
    'trace',
    'version',
    'protocol',
    'core',
  ),
  // What is done to an installation beside its server: adapters by the files that are there for it.
  upkeep: to(
    'archive',
    'adapters/sqlite-store/copy.ts',
    'adapters/sqlite-store/folder.ts',
    'adapters/sqlite-store/store.ts',
    'adapters/sqlite-store/moved.ts',
    'adapters/sqlite-store/move-out.ts',
    'adapters/postgres-store/move-in.ts',
    'adapters/postgres-ownership/session.ts',
    'startup-error',
    'version',
  ),
  workers: [],
  cli: to('main'),
  main: to('commands', 'version'),
  config: to('config-values', 'config-reading', 'startup-error'),
  'config-values': [],
  metrics: [...to('protocol'), ...types('hub/meter.ts', 'hub/canary.ts')],
  'config-reading': to('startup-error'),
  'http-get': [],
  'http-servers': to('startup-error'),
  'startup-error': [],
  log: [],
  trace: [],
  telemetry: [...to('trace'), ...types('hub/meter.ts', 'hub/canary.ts')],
  version: [],
  simulator: to('client', 'protocol'),
  replay: to('client', 'protocol'),
  // nginx and PostgreSQL, as tests and the bench start their own.
  services: [],
  // It measures from outside: the server is another process. Of what is inside, the index of row 5 and the store of row 7 by themselves.
  bench: [
    { to: 'cli', url: true },
    ...to('core/nearby.ts', 'core/geo.ts', 'core/driver.ts', 'hub/partition.ts', 'adapters/postgres-store/store.ts'),
    // A history that is made quickly is written as the embedded store would have.
    ...to('adapters/sqlite-store/schema.ts'),
    ...types('hub/storage-ports.ts'),
    ...to('services'),
    // The server's options, as `npm start` has them.
    { to: 'scripts/setup.mjs' },
  ],
};

/** What is wrong with an import, null when nothing is. `adapters` are those that server.ts and foundations/ name. */
export function wrongArrow(path: string, { target, kind, specifier }: Import, adapters: ReadonlySet<string>): string | null {
  const from = layerOf(path);
  const arrows = ARROWS[from] ?? ARROWS[from.replace(/\/.*/, '/*')];
  if (arrows === undefined) return `${from} has no place in test/architecture/layers.ts`;
  if (target === null) {
    return from === 'core' && isBuiltin(specifier) ? 'core imports no node: modules' : null;
  }
  const layer = layerOf(target);
  if (layer === from || (kind === 'url' && !/\.tsx?$/.test(target))) return null;
  // What serves one adapter may lie beside it; another adapter may not.
  if (from.startsWith('adapters/') && /^packages\/server\/src\/adapters\/[^/]+$/.test(target) && !adapters.has(target)) return null;
  const within = target.startsWith(SERVER) ? target.slice(SERVER.length) : target;
  const named = arrows.filter((arrow) => names(arrow.to, layer, within) && (arrow.from === undefined || path === SERVER + arrow.from));
  if (named.some((arrow) => (arrow.types !== true || kind === 'type') && (arrow.url !== true || kind === 'url'))) return null;
  if (named.some((arrow) => arrow.types)) return `${from} may import only types of ${layer}`;
  return `${from} may not import ${layer}`;
}

function names(arrow: string, layer: string, within: string): boolean {
  if (arrow.endsWith('/*')) return layer.startsWith(arrow.slice(0, -1));
  return arrow === layer || arrow === within;
}
