import { spawnSync } from 'node:child_process';
import { chmodSync, closeSync, existsSync, mkdirSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { COMPOSE_KEYS } from '../deploy/env-example.ts';
import { allFilledIn, filledIn, ROOT, SETTINGS, settingsIn, textOf, yamlOf } from './support/deployment.ts';
import { selfSigned } from './support/self-signed.ts';
import { tempDir } from './support/server.ts';

const home = tempDir();
// Another user than root has to find its way in.
chmodSync(home, 0o755);
afterAll(() => rmSync(home, { recursive: true, force: true }));

/** `30s` for 30. */
function seconds(text: string): number {
  expect(text).toMatch(/^\d+s$/);
  return Number(text.slice(0, -1));
}

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
    expect(textOf('deploy/nginx/waycast.conf.template')).toMatch(/proxy_set_header X-Forwarded-For \$remote_addr;/);
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
