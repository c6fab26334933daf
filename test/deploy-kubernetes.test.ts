import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { type Config, readConfig } from '../packages/server/src/config.ts';
import { ROOT, run, settingsIn, textOf, variablesOf } from './support/deployment.ts';
import { tempDir } from './support/server.ts';

const home = tempDir();
afterAll(() => rmSync(home, { recursive: true, force: true }));

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
  }
  interface Pod {
    readonly containers: readonly Container[];
    readonly enableServiceLinks: boolean;
    readonly securityContext: Record<string, unknown>;
    readonly terminationGracePeriodSeconds: number;
  }
  type Labels = Record<string, string>;
  /** What is read of those that have a `spec`. */
  interface Specs {
    readonly Deployment: {
      readonly replicas: number;
      readonly selector: { matchLabels: Labels };
      readonly template: { metadata: { labels: Labels }; spec: Pod };
    };
    readonly HorizontalPodAutoscaler: {
      readonly minReplicas: number;
      readonly maxReplicas: number;
      readonly metrics: readonly unknown[];
      readonly scaleTargetRef: { name: string };
    };
    readonly PodDisruptionBudget: { readonly maxUnavailable: number; readonly selector: { matchLabels: Labels } };
    readonly Service: { readonly ports: readonly { port: number; targetPort: string }[]; readonly sessionAffinity: string };
    readonly NetworkPolicy: { readonly ingress: readonly { from?: unknown; ports: readonly { port: number }[] }[] };
    readonly Ingress: { readonly rules: readonly { http: { paths: readonly { path: string }[] } }[] };
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
  const specOf = <Kind extends keyof Specs>(thing: Thing) => (thing as Thing & { readonly spec: Specs[Kind] }).spec;
  const spec = async <Kind extends keyof Specs>(kind: Kind): Promise<Specs[Kind]> => specOf<Kind>(await one(kind));
  const pod = async (): Promise<Pod> => (await spec('Deployment')).template.spec;
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
    expect((await spec('Deployment')).replicas).toBe(3);
    const { minReplicas, maxReplicas, metrics, scaleTargetRef } = await spec('HorizontalPodAutoscaler');
    expect([minReplicas, maxReplicas, scaleTargetRef.name]).toEqual([3, 10, 'waycast']);
    expect(metrics).toHaveLength(2);
    expect(metrics).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ resource: expect.objectContaining({ name: 'cpu' }) }),
        expect.objectContaining({ pods: expect.objectContaining({ metric: { name: 'websocket_connections_total' } }) }),
      ]),
    );
    expect(textOf('deploy/prometheus/adapter-values.yaml')).toContain('as: websocket_connections_total');
    const labels = (await spec('Deployment')).template.metadata.labels;
    for (const kind of ['PodDisruptionBudget', 'Deployment'] as const)
      expect((await spec(kind)).selector.matchLabels, kind).toEqual(labels);
    expect((await spec('PodDisruptionBudget')).maxUnavailable).toBe(1);
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
    const { ports } = await spec('Service');
    expect(ports.map(({ port }) => port).toSorted()).toEqual([8005, 8080, 8096, 8500]);
    for (const { targetPort } of ports) expect(targetPort).toBe('http');
    expect((await container()).ports).toEqual([
      { name: 'http', containerPort: 8080 },
      { name: 'metrics', containerPort: 9096 },
    ]);
    const { ingress } = await spec('NetworkPolicy');
    expect(ingress.filter(({ from }) => from === undefined).flatMap((rule) => rule.ports.map(({ port }) => port))).toEqual([8080]);
    expect(ingress.filter(({ from }) => from !== undefined).flatMap((rule) => rule.ports.map(({ port }) => port))).toEqual([9096]);
  });

  it('sends a client that polls to the same server each time, by the Service and by the ingress [V7]', async () => {
    expect((await spec('Service')).sessionAffinity).toBe('ClientIP');
    const ingresses = (await things()).filter(({ kind }) => kind === 'Ingress');
    const sticky = (thing: Thing) => thing.metadata.annotations?.['nginx.ingress.kubernetes.io/upstream-hash-by'];
    const pathOf = (thing: Thing) => specOf<'Ingress'>(thing).rules[0]?.http.paths[0]?.path;
    expect(Object.fromEntries(ingresses.map((thing) => [pathOf(thing), sticky(thing)]))).toEqual({
      '/': undefined,
      '/socket.io/': '$remote_addr',
    });
  });
});
