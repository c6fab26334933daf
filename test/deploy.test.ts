import { spawnSync } from 'node:child_process';
import { chmodSync, closeSync, cpSync, existsSync, globSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { COMPOSE_KEYS, envExample } from '../deploy/env-example.ts';
import { type Config, KEYS, readConfig } from '../packages/server/src/config.ts';
import { V8_OPTIONS } from '../scripts/setup.mjs';
import { allFilledIn, filledIn, ROOT, run, textOf, variablesOf, yamlOf } from './support/deployment.ts';
import { selfSigned } from './support/self-signed.ts';
import { tempDir } from './support/server.ts';

const SETTINGS: ReadonlySet<string> = new Set(Object.values(KEYS).map(({ name }) => name));
const NODE_24 = 'node:24-slim';
const CLI = 'packages/server/dist/cli.js';

const home = tempDir();
// Another user than root has to find its way in.
chmodSync(home, 0o755);
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** The settings of these variables, all of which have to be settings. */
function settingsIn(env: Readonly<Record<string, string>>, others: readonly string[] = []): Config {
  const names = Object.keys(env).filter((name) => !others.includes(name));
  expect(names.filter((name) => !SETTINGS.has(name))).toEqual([]);
  return readConfig({ env, flags: {} });
}

/** `30s` for 30. */
function seconds(text: string): number {
  expect(text).toMatch(/^\d+s$/);
  return Number(text.slice(0, -1));
}

describe('.env.example', () => {
  const uncommented = () => textOf('.env.example').replaceAll(/^# (\w+=)/gm, '$1');

  it('is what config.ts says now; if not: npm run env-example [V1]', () => {
    expect(textOf('.env.example')).toBe(envExample());
  });

  it('changes nothing as it stands, and has every setting with its default [V1]', () => {
    expect(variablesOf(textOf('.env.example'))).toEqual({});
    const all = variablesOf(uncommented());
    expect(Object.keys(all).toSorted()).toEqual([...SETTINGS, ...Object.keys(COMPOSE_KEYS)].toSorted());
    const given = Object.fromEntries(Object.entries(all).filter(([name, value]) => SETTINGS.has(name) && value !== ''));
    expect(Object.keys(given).length).toBeGreaterThan(15);
    expect(readConfig({ env: given, flags: {} })).toEqual(readConfig({ env: {}, flags: {} }));
  });

  it('names nothing for compose that would stop the server it also reaches [V2]', () => {
    for (const name of Object.keys(COMPOSE_KEYS)) {
      expect(name).not.toMatch(/^WAYCAST_/);
      expect(SETTINGS.has(name), name).toBe(false);
    }
  });
});

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

describe('compose', () => {
  interface Service {
    readonly image: string;
    readonly environment?: Record<string, string>;
    readonly env_file?: readonly { path: string; required: boolean }[];
    readonly ports?: readonly string[];
    readonly networks?: readonly string[] | Record<string, { ipv4_address?: string }>;
    readonly command?: readonly string[];
    readonly volumes?: readonly string[];
    readonly stop_grace_period?: string;
    readonly build?: { context: string; dockerfile: string };
    readonly depends_on?: Record<string, { condition: string }>;
  }
  interface Compose {
    readonly services: Record<string, Service>;
    readonly networks?: Record<string, { internal?: boolean; ipam?: { config: { subnet: string }[] } }>;
  }
  const SECRETS = { JWT_SECRET_KEY: 'a'.repeat(32), POSTGRES_PASSWORD: 'b'.repeat(24), REDIS_PASSWORD: 'c'.repeat(24) };
  const MORE = { ...SECRETS, GRAFANA_PASSWORD: 'd'.repeat(12), TLS_FOLDER: '/etc/letsencrypt/live/tracking.example.com' };
  const compose = (name: string, env: Record<string, string> = MORE): Compose =>
    allFilledIn(yamlOf<Compose>(`deploy/compose/${name}.yaml`), env);
  const service = (name: string, of: string): Service => {
    const found = compose(of).services[name];
    if (found === undefined) throw new Error(`${of} has no ${name}`);
    return found;
  };
  const serversOf = (of: string): [string, Service][] =>
    Object.entries(compose(of).services).filter(([, { build }]) => build?.dockerfile === 'deploy/Dockerfile');
  const NAMES = ['one-machine', 'production', 'monitoring', 'tls'];
  const OLD_PORTS = ['8005:8080', '8500:8080', '8096:8080'];

  it('one machine: one process, its database in a volume, no secret needed [V2 V6]', () => {
    const [[, one]] = serversOf('one-machine') as [[string, Service]];
    const config = settingsIn(one.environment ?? {});
    expect(config).toMatchObject({ host: '0.0.0.0', ports: [8080], metricsPort: 9096, dataDir: '/data', databaseUrl: undefined });
    expect(one.volumes).toEqual(['data:/data']);
    expect(one.ports).toEqual(expect.arrayContaining(['8080:8080', ...OLD_PORTS]));
    expect(one.ports?.filter((port) => port.includes('9096'))).toEqual(['127.0.0.1:9096:9096']);
    expect(seconds(one.stop_grace_period ?? '')).toBeGreaterThan(config.drainSeconds);
    expect(() => compose('one-machine', {})).not.toThrow();
  });

  it('production: several servers with the same settings, over PostgreSQL and Redis, behind a proxy [V2]', () => {
    const servers = serversOf('production');
    expect(servers.length).toBeGreaterThanOrEqual(2);
    for (const [, { environment = {}, env_file }] of servers) {
      expect(environment).toEqual(servers[0]?.[1].environment);
      expect(env_file).toEqual([{ path: '../../.env', required: false }]);
      expect(settingsIn(environment)).toMatchObject({
        host: '0.0.0.0',
        ports: [8080],
        metricsPort: 9096,
        trustProxy: true,
        secrets: [SECRETS.JWT_SECRET_KEY],
        databaseUrl: `postgresql://waycast:${SECRETS.POSTGRES_PASSWORD}@postgres:5432/waycast`,
        redisUrl: 'redis://redis:6379',
        redisPassword: SECRETS.REDIS_PASSWORD,
      });
    }
  });

  it.each(Object.keys(SECRETS))('production without %s is refused, by its name [V5]', (name) => {
    expect(() => compose('production', { ...SECRETS, [name]: '' })).toThrow(new RegExp(`variable ${name} is missing`));
  });

  it('has no secret in a file, and asks of .env only what .env.example has [V5]', () => {
    for (const name of NAMES) {
      const text = textOf(`deploy/compose/${name}.yaml`);
      for (const [, variable = ''] of text.matchAll(/(?<!\$)\$\{(\w+)/g))
        expect(SETTINGS.has(variable) || variable in COMPOSE_KEYS, `${variable} in ${name}`).toBe(true);
      for (const [line, key] of text.matchAll(/^ *([A-Z_]*(?:SECRET|PASSWORD|AUTH)[A-Z_]*): .*$/gm))
        expect(line, key).toMatch(/: \$\{\w+:\?/);
    }
    expect(textOf('.gitignore').split('\n')).toEqual(expect.arrayContaining(['.env', 'deploy/kubernetes/secret.env']));
  });

  it('leaves each server more time than it takes to drain [V4]', () => {
    for (const [name, { stop_grace_period = '', environment = {} }] of serversOf('production'))
      expect(seconds(stop_grace_period), name).toBeGreaterThan(settingsIn(environment).drainSeconds);
  });

  it('shows the world nginx alone; metrics and data stay inside [V6]', () => {
    const { services, networks = {} } = compose('production');
    const published = Object.entries(services).filter(([, { ports }]) => ports !== undefined);
    expect(published.map(([name]) => name)).toEqual(['nginx']);
    expect(published[0]?.[1].ports).toEqual(['8080:8080', ...OLD_PORTS]);
    expect(networks.inside?.internal).toBe(true);
    for (const name of ['postgres', 'redis']) expect(services[name]?.networks).toEqual(['inside']);
    for (const { ports } of Object.values(compose('monitoring').services))
      for (const port of ports ?? []) expect(port).toMatch(/^127\.0\.0\.1:/);
  });

  it('Prometheus looks at every server there is, where it measures [V6]', () => {
    const prometheus = yamlOf<{
      rule_files: string[];
      scrape_configs: { job_name: string; static_configs: { targets: string[] }[] }[];
    }>('deploy/prometheus/prometheus.yml');
    expect(prometheus.scrape_configs).toEqual([
      { job_name: 'waycast', static_configs: [{ targets: serversOf('production').map(([name]) => `${name}:9096`) }] },
    ]);
    expect(service('prometheus', 'monitoring').networks).toContain('inside');
  });

  it('nginx knows every server by its fixed address, and starts with what it is given [V7]', async () => {
    const { environment = {}, volumes = [] } = service('nginx', 'production');
    const addresses = serversOf('production').map(
      ([, { networks }]) => (networks as Record<string, { ipv4_address?: string }>).edge?.ipv4_address,
    );
    const listed = [...(environment.WAYCAST_SERVERS ?? '').matchAll(/server ([\d.]+):8080 max_fails=0;/g)].map(([, address]) => address);
    expect(listed).toEqual(addresses);
    expect(volumes).toEqual(
      expect.arrayContaining([
        '../nginx/nginx.conf:/etc/nginx/nginx.conf:ro',
        '../nginx/waycast.conf.template:/etc/nginx/templates/default.conf.template:ro',
      ]),
    );
    expect(textOf('deploy/nginx/waycast.conf.template')).toMatch(
      /hash \$remote_addr consistent;[\s\S]*location \/socket\.io\/ \{\s*proxy_pass http:\/\/waycast_sticky;/,
    );
    await accepts({ listen: environment.WAYCAST_LISTEN ?? '', servers: environment.WAYCAST_SERVERS ?? '', tls: false });
    const { environment: withTls = {} } = service('nginx', 'tls');
    await accepts({ listen: withTls.WAYCAST_LISTEN ?? '', servers: environment.WAYCAST_SERVERS ?? '', tls: true });
  });

  /** `nginx -t` over the files as they lie in the container. */
  async function accepts({ listen, servers, tls }: { listen: string; servers: string; tls: boolean }): Promise<void> {
    const folder = join(home, tls ? 'nginx-tls' : 'nginx');
    mkdirSync(join(folder, 'conf.d'), { recursive: true });
    mkdirSync(join(folder, 'tls'));
    const { key, cert } = selfSigned('tracking.example.com', '127.0.0.1');
    writeFileSync(join(folder, 'tls', 'fullchain.pem'), cert);
    writeFileSync(join(folder, 'tls', 'privkey.pem'), key);
    const here = (text: string): string => text.replaceAll('/etc/nginx', folder).replace('/var/run/', `${folder}/`);
    // The user is the image's own.
    writeFileSync(join(folder, 'nginx.conf'), here(textOf('deploy/nginx/nginx.conf')).replace('user nginx;', ''));
    const site = filledIn(textOf('deploy/nginx/waycast.conf.template'), { WAYCAST_LISTEN: listen, WAYCAST_SERVERS: servers });
    writeFileSync(join(folder, 'conf.d', 'default.conf'), site);
    if (tls) writeFileSync(join(folder, 'conf.d', 'tls.conf'), here(textOf('deploy/nginx/tls.conf')));
    // A file: it opens /dev/stdout by its name, and a pipe of ours is a socket.
    const log = join(folder, 'log');
    const fd = openSync(log, 'a');
    const { status } = spawnSync('nginx', ['-t', '-p', folder, '-c', join(folder, 'nginx.conf'), '-e', 'stderr'], {
      env: { PATH: [process.env.PATH ?? '', '/usr/sbin'].join(delimiter) },
      stdio: ['ignore', fd, fd],
    });
    closeSync(fd);
    const said = readFileSync(log, 'utf8');
    expect(status, said).toBe(0);
    expect(said).toContain('test is successful');
    expect(said).not.toContain('[warn]');
  }

  it('Redis keeps what it has, PostgreSQL is new enough and has PostGIS [V9]', () => {
    const redis = service('redis', 'production').command?.join(' ') ?? '';
    expect(redis).toContain('--appendonly yes');
    expect(redis).toContain('--maxmemory-policy noeviction');
    expect(redis).toContain('--requirepass "$REDIS_PASSWORD"');
    const postgres = service('postgres', 'production');
    expect(Number(/^postgis\/postgis:(\d+)-/.exec(postgres.image)?.[1])).toBeGreaterThanOrEqual(15);
  });

  it('every file that is mounted is there', () => {
    for (const name of NAMES)
      for (const { volumes = [] } of Object.values(compose(name).services))
        for (const [path = ''] of volumes.map((volume) => volume.split(':')))
          if (path.startsWith('.')) expect(existsSync(join(ROOT, 'deploy', 'compose', path)), path).toBe(true);
  });
});

describe('Kubernetes', () => {
  interface Container {
    readonly image: string;
    readonly envFrom: readonly ({ configMapRef: { name: string } } | { secretRef: { name: string } })[];
    readonly ports: readonly { name: string; containerPort: number }[];
    readonly lifecycle: { preStop: { exec: { command: string[] } } };
    readonly securityContext: Record<string, unknown>;
    readonly startupProbe: { httpGet: { path: string } };
    readonly livenessProbe: { httpGet: { path: string } };
    readonly readinessProbe: { httpGet: { path: string } };
  }
  interface Thing {
    readonly kind: string;
    readonly metadata: { name: string; namespace?: string; annotations?: Record<string, string> };
    readonly data?: Record<string, string>;
    // biome-ignore lint/suspicious/noExplicitAny: each kind has its own
    readonly spec?: any;
  }
  let built: Promise<Thing[]> | undefined;
  const FILLED = { JWT_SECRET_KEY: 'a'.repeat(32), REDIS_PASSWORD: 'b'.repeat(24) };

  function build(secret: boolean): Promise<{ code: number; out: string; err: string }> {
    const folder = join(home, secret ? 'kubernetes' : 'kubernetes-bare');
    cpSync(join(ROOT, 'deploy', 'kubernetes'), folder, { recursive: true, filter: (path) => !path.endsWith('secret.env') });
    const text = Object.entries(FILLED).reduce(
      (example, [name, value]) => example.replace(`${name}=\n`, `${name}=${value}\n`),
      textOf('deploy/kubernetes/secret.env.example'),
    );
    if (secret) writeFileSync(join(folder, 'secret.env'), text);
    return run('kubectl', ['kustomize', folder]);
  }

  const things = (): Promise<Thing[]> => {
    built ??= build(true).then(({ code, out, err }) => {
      expect(code, err).toBe(0);
      expect(err).toBe('');
      return parseAllDocuments(out).map((document) => document.toJS() as Thing);
    });
    return built;
  };
  const one = async (kind: string, name = 'waycast'): Promise<Thing> => {
    const found = (await things()).filter((thing) => thing.kind === kind && thing.metadata.name.startsWith(name));
    const exact = found.filter((thing) => thing.metadata.name === name);
    const [only] = exact.length === 1 ? exact : found;
    if (only === undefined) throw new Error(`no ${kind} ${name}`);
    return only;
  };
  const pod = async () => (await one('Deployment')).spec.template.spec;
  const container = async (): Promise<Container> => (await pod()).containers[0] as Container;
  const settings = async (): Promise<Config> => {
    const secrets = Object.entries((await one('Secret', 'waycast-secrets')).data ?? {});
    const decoded = Object.fromEntries(secrets.map(([name, value]) => [name, Buffer.from(value, 'base64').toString()]));
    return settingsIn({ ...(await one('ConfigMap', 'waycast-settings')).data, ...decoded });
  };

  it('is built by kubectl alone; everything is in one namespace', async () => {
    const kinds = (await things()).map(({ kind }) => kind);
    // What the upgrade in docs/DEPLOYMENT.md puts another number into.
    const { out } = await build(true);
    expect(out.match(/^ {2}replicas: 3$/gm)).toHaveLength(1);
    for (const kind of ['ConfigMap', 'Secret', 'Deployment', 'Service', 'HorizontalPodAutoscaler', 'PodDisruptionBudget', 'Ingress'])
      expect(kinds).toContain(kind);
    for (const { kind, metadata } of await things()) if (kind !== 'Namespace') expect(metadata.namespace, kind).toBe('waycast');
  });

  it('is refused without its secrets, and the file is named [V5]', async () => {
    const { code, err } = await build(false);
    expect(code).not.toBe(0);
    expect(err).toContain('secret.env');
  });

  it('gives the servers settings that will do; secrets apart from the rest [V2 V5]', async () => {
    expect(await settings()).toMatchObject({
      host: '0.0.0.0',
      ports: [8080],
      metricsPort: 9096,
      trustProxy: true,
      redisUrl: 'redis://redis:6379',
      secrets: [FILLED.JWT_SECRET_KEY],
    });
    const [map, secret] = [await one('ConfigMap', 'waycast-settings'), await one('Secret', 'waycast-secrets')];
    for (const name of Object.keys(map.data ?? {})) expect(name).not.toMatch(/SECRET|PASSWORD|DATABASE|REDIS/);
    // By the names with what is in them: a change rolls the servers.
    expect((await container()).envFrom).toEqual([
      { configMapRef: { name: map.metadata.name } },
      { secretRef: { name: secret.metadata.name } },
    ]);
    expect(map.metadata.name).toMatch(/^waycast-settings-\w+$/);
    expect((await pod()).enableServiceLinks).toBe(false);
  });

  it('as the example stands the server refuses to start, by name [V5]', () => {
    const example = variablesOf(textOf('deploy/kubernetes/secret.env.example'));
    expect(() => readConfig({ env: example, flags: {} })).toThrow(/JWT_SECRET_KEY/);
  });

  it('has 3 to 10 servers, by connections and CPU; nodes are emptied one at a time', async () => {
    expect((await one('Deployment')).spec.replicas).toBe(3);
    const { minReplicas, maxReplicas, metrics, scaleTargetRef } = (await one('HorizontalPodAutoscaler')).spec;
    expect([minReplicas, maxReplicas, scaleTargetRef.name]).toEqual([3, 10, 'waycast']);
    expect(metrics).toHaveLength(2);
    expect(metrics).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ resource: expect.objectContaining({ name: 'cpu' }) }),
        expect.objectContaining({ pods: expect.objectContaining({ metric: { name: 'websocket_connections_total' } }) }),
      ]),
    );
    expect(textOf('deploy/prometheus/adapter-values.yaml')).toContain('as: websocket_connections_total');
    const labels = (await one('Deployment')).spec.template.metadata.labels;
    for (const kind of ['PodDisruptionBudget', 'Deployment']) expect((await one(kind)).spec.selector.matchLabels, kind).toEqual(labels);
    expect((await one('PodDisruptionBudget')).spec.maxUnavailable).toBe(1);
  });

  it('restarts by live, routes by ready [V8]', async () => {
    const { startupProbe, livenessProbe, readinessProbe } = await container();
    expect([startupProbe, livenessProbe, readinessProbe].map(({ httpGet }) => httpGet.path)).toEqual([
      '/health/live',
      '/health/live',
      '/health/ready',
    ]);
  });

  it('leaves time to wait for the balancers, and then to drain [V4]', async () => {
    const [program, wait] = (await container()).lifecycle.preStop.exec.command;
    expect(program).toBe('sleep');
    expect(Number(wait)).toBeGreaterThanOrEqual(5);
    expect((await pod()).terminationGracePeriodSeconds).toBeGreaterThan(Number(wait) + (await settings()).drainSeconds);
  });

  it('runs as the user of the image, who may write nothing [V3]', async () => {
    const user = /^USER (\d+):(\d+)$/m.exec(textOf('deploy/Dockerfile'));
    expect((await pod()).securityContext).toMatchObject({
      runAsNonRoot: true,
      runAsUser: Number(user?.[1]),
      runAsGroup: Number(user?.[2]),
    });
    expect((await container()).securityContext).toMatchObject({ readOnlyRootFilesystem: true, allowPrivilegeEscalation: false });
  });

  it('has the old ports, and metrics for the namespace of Prometheus alone [V6]', async () => {
    const { ports } = (await one('Service')).spec as { ports: { port: number; targetPort: string }[] };
    expect(ports.map(({ port }) => port).toSorted()).toEqual([8005, 8080, 8096, 8500]);
    for (const { targetPort } of ports) expect(targetPort).toBe('http');
    expect((await container()).ports).toEqual([
      { name: 'http', containerPort: 8080 },
      { name: 'metrics', containerPort: 9096 },
    ]);
    const { ingress } = (await one('NetworkPolicy')).spec as { ingress: { from?: unknown; ports: { port: number }[] }[] };
    expect(ingress.filter(({ from }) => from === undefined).flatMap((rule) => rule.ports.map(({ port }) => port))).toEqual([8080]);
    expect(ingress.filter(({ from }) => from !== undefined).flatMap((rule) => rule.ports.map(({ port }) => port))).toEqual([9096]);
  });

  it('sends a client that polls to the same server each time, by the Service and by the ingress [V7]', async () => {
    expect((await one('Service')).spec.sessionAffinity).toBe('ClientIP');
    const ingresses = (await things()).filter(({ kind }) => kind === 'Ingress');
    const sticky = (thing: Thing) => thing.metadata.annotations?.['nginx.ingress.kubernetes.io/upstream-hash-by'];
    const pathOf = (thing: Thing) => thing.spec.rules[0].http.paths[0].path as string;
    expect(Object.fromEntries(ingresses.map((thing) => [pathOf(thing), sticky(thing)]))).toEqual({
      '/': undefined,
      '/socket.io/': '$remote_addr',
    });
  });
});

describe('systemd', () => {
  const unit = textOf('deploy/systemd/waycast.service');
  const valuesOf = (name: string): string[] => [...unit.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map(([, value]) => value ?? '');
  const env = Object.fromEntries(
    valuesOf('Environment').flatMap((line) => line.split(' ').map((one) => one.split('=') as [string, string])),
  );

  it('sets only what is a setting [V2]', () => {
    expect(settingsIn(env, ['NODE_COMPILE_CACHE'])).toMatchObject({ host: '127.0.0.1', ports: [8080], dataDir: '/var/lib/waycast' });
    // Both are folders that systemd makes for this user.
    expect(valuesOf('StateDirectory')).toEqual(['waycast']);
    expect([valuesOf('CacheDirectory'), env.NODE_COMPILE_CACHE]).toEqual([['waycast'], '/var/cache/waycast']);
  });

  it('starts as npm start does, not as root [V3]', () => {
    const [command = ''] = valuesOf('ExecStart');
    expect(command.split(' ')).toEqual(['/opt/waycast/node_modules/.bin/node', ...V8_OPTIONS, CLI, 'serve']);
    expect(valuesOf('User')).toEqual(['waycast']);
    // V8 writes code as it runs.
    expect(valuesOf('MemoryDenyWriteExecute')).toEqual([]);
  });

  it('leaves more time than it takes to drain [V4]', () => {
    expect(Number(valuesOf('TimeoutStopSec')[0])).toBeGreaterThan(settingsIn(env, ['NODE_COMPILE_CACHE']).drainSeconds);
  });
});
