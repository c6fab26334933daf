import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ERRORS, FixReceipt } from '../packages/protocol/src/index.ts';
import { ROOT, run, textOf, yamlOf } from './support/deployment.ts';
import { CENTRE } from './support/places.ts';
import { freePort } from './support/port.ts';
import { caller } from './support/rest.ts';
import type { TestServer } from './support/server.ts';
import { startProcess } from './support/server-process.ts';
import { until } from './support/until.ts';

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: Record<string, string>;
  readonly annotations: { summary: string; runbook: string };
}
interface RuleTest {
  readonly name: string;
  readonly input_series: readonly { series: string }[];
  readonly alert_rule_test: readonly { alertname: string; exp_alerts?: readonly object[] }[];
}
interface Panel {
  readonly type: string;
  readonly title: string;
  readonly targets?: readonly { expr: string }[];
}
interface Dashboard {
  readonly uid: string;
  readonly panels: readonly Panel[];
  readonly templating: { list: readonly { name: string; query: string | { query: string } }[] };
}

const PROMETHEUS = 'deploy/prometheus';
const rules = yamlOf<{ groups: { rules: Rule[] }[] }>(`${PROMETHEUS}/alerts.yml`).groups.flatMap((group) => group.rules);
const ruleTests = yamlOf<{ tests: RuleTest[] }>(`${PROMETHEUS}/alerts.test.yml`).tests;
const dashboard = JSON.parse(textOf('deploy/grafana/waycast.json')) as Dashboard;

/** Prometheus' own: whether a target could be asked. */
const OF_PROMETHEUS = new Set(['up']);
/** Of no metric in particular. */
const WORDS = new Set(['and', 'or', 'unless', 'by', 'without', 'on', 'ignoring', 'offset', 'bool', 'group_left', 'group_right']);

/** The names of metrics in an expression. */
function metricsIn(expr: string): string[] {
  const bare = expr
    .replaceAll(/\{[^}]*\}|\[[^\]]*\]|"[^"]*"/g, ' ')
    .replaceAll(/\b(by|without|on|ignoring)\s*\([^)]*\)/g, ' ')
    .replaceAll(/\boffset\s+\w+/g, ' ');
  return [...bare.matchAll(/(?<![\w.])([a-zA-Z_:][\w:]*)\b(?!\s*\()/g)]
    .map(([, name]) => name as string)
    .filter((name) => !WORDS.has(name));
}

/** Each `name="value"` of an expression that is one value and no pattern. */
function labelsIn(expr: string): [string, string][] {
  return [...expr.matchAll(/(\w+)="([^"]*)"/g)].map(([, name = '', value = '']) => [name, value]);
}

const expressions = [
  ...rules.map(({ alert, expr }) => ({ where: alert, expr })),
  ...dashboard.panels.flatMap(({ title, targets = [] }) => targets.map(({ expr }) => ({ where: title, expr }))),
];

let server: TestServer;
let text: string;
/** What each metric is, by its name. */
let types: Map<string, string>;

beforeAll(async () => {
  const metricsPort = await freePort();
  // One process whatever shape the other tests run in: it is its names that count.
  server = await startProcess({ env: { METRICS_PORT: String(metricsPort) } });
  const service = caller(server, await server.token('service', 'ship'));
  (await service.post('/v1/drivers/car-1/locations', CENTRE)).as(FixReceipt);
  text = await until(
    async () => (await fetch(`http://127.0.0.1:${metricsPort}/metrics`)).text(),
    (seen) => /^waycast_stored_fixes_total 1$/m.test(seen),
  );
  types = new Map([...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)].map(([, name = '', type = '']) => [name, type]));
});
afterAll(() => server.stop());

/** Whether a series of this name is among the metrics. */
function isThere(name: string): boolean {
  return types.has(name) || types.get(name.replace(/_(bucket|sum|count)$/, '')) === 'histogram';
}

describe('/metrics', () => {
  it('is what Prometheus takes, named by its customs; the one exception is contract [V10]', async () => {
    const { code, err } = await run('promtool', ['check', 'metrics'], { input: text });
    const findings = err.split('\n').filter((line) => line !== '');
    // What Node itself measures is named by prom-client.
    const ours = findings.filter((line) => !line.startsWith('nodejs_'));
    expect(ours).toEqual([expect.stringMatching(/^websocket_connections_total .*"_total"/)]);
    // 3: findings; anything else would be text it cannot read.
    expect(code).toBe(3);
    expect([types.get('websocket_connections_total'), types.get('location_updates_total')]).toEqual(['gauge', 'counter']);
  });

  it('counts refusals and deliveries from 0, so that the first one is an increase [V10]', () => {
    for (const code of Object.keys(ERRORS)) expect(text).toContain(`\nwaycast_refusals_total{code="${code}"} 0\n`);
    for (const outcome of ['delivered', 'failed', 'dead'])
      expect(text).toContain(`\nwaycast_outbox_attempts_total{outcome="${outcome}"} 0\n`);
  });
});

describe('alerts and dashboard', () => {
  it('name only metrics that are there [V11]', () => {
    expect(expressions.length).toBeGreaterThan(40);
    for (const { where, expr } of expressions) {
      const names = metricsIn(expr);
      expect(names.length, `${where}: ${expr}`).toBeGreaterThan(0);
      expect(
        names.filter((name) => !OF_PROMETHEUS.has(name) && !isThere(name)),
        where,
      ).toEqual([]);
    }
    for (const { query } of dashboard.templating.list)
      if (typeof query !== 'string') expect(metricsIn(query.query.replace(/label_values\((.*), instance\)/, '$1'))).toEqual(['up']);
  });

  it('ask for values of labels that are there [V11]', () => {
    const stages = new Set([...text.matchAll(/stage="(\w+)"/g)].map(([, stage]) => stage));
    const asked = expressions.flatMap(({ expr }) => labelsIn(expr));
    for (const [name, value] of asked) {
      if (name === 'job') expect(value).toBe('waycast');
      else if (name === 'stage') expect(stages).toContain(value);
      else if (name === 'code') expect(ERRORS).toHaveProperty(value);
      else if (name === 'outcome') expect(text).toContain(`waycast_outbox_attempts_total{outcome="${value}"}`);
      else expect.unreachable(`${name}="${value}"`);
    }
    expect(new Set(asked.map(([name]) => name))).toEqual(new Set(['job', 'stage', 'code', 'outcome']));
  });

  it('show every metric of our own somewhere [V11]', () => {
    const shown = new Set(
      dashboard.panels
        .flatMap(({ targets = [] }) => targets.flatMap(({ expr }) => metricsIn(expr)))
        .map((name) => name.replace(/_bucket$/, '')),
    );
    const ours = [...types.keys()].filter((name) => !/^(nodejs|process)_/.test(name));
    expect(ours.filter((name) => !shown.has(name))).toEqual([]);
  });

  it('the reader of expressions finds names, and nothing else', () => {
    expect(metricsIn('histogram_quantile(0.99, sum by (le) (rate(a_bucket{stage="b"}[5m]))) > 1.6e9')).toEqual(['a_bucket']);
    expect(metricsIn('sum(rate(a[1h] offset 15m)) == 0\nand b:c > 0 unless on (job) d / 2')).toEqual(['a', 'b:c', 'd']);
  });
});

describe('each alert', () => {
  it('can be read by Prometheus, and so can its configuration [V11]', async () => {
    const { code, out, err } = await run('promtool', ['check', 'config', join(ROOT, PROMETHEUS, 'prometheus.yml')]);
    expect(code, err).toBe(0);
    expect(out).toContain(`${rules.length} rules found`);
    // Debian's promtool is built without Kubernetes: of the other one it knows no targets.
    for (const name of ['prometheus.yml', 'prometheus-kubernetes.yml']) {
      const { rule_files, scrape_configs } = yamlOf<{ rule_files: string[]; scrape_configs: { job_name: string }[] }>(
        `${PROMETHEUS}/${name}`,
      );
      expect(rule_files).toEqual(['alerts.yml']);
      expect(scrape_configs.map((job) => job.job_name)).toEqual(['waycast']);
    }
  });

  it('tells when it should, and not before [V11]', async () => {
    expect(ruleTests.map(({ name }) => name)).toEqual(rules.map(({ alert }) => alert));
    for (const { name, alert_rule_test: checks } of ruleTests) {
      expect(new Set(checks.map(({ alertname }) => alertname)), name).toEqual(new Set([name]));
      expect(
        checks.map(({ exp_alerts: told = [] }) => told.length),
        name,
      ).toEqual([0, 1]);
    }
    const { code, out, err } = await run('promtool', ['test', 'rules', join(ROOT, PROMETHEUS, 'alerts.test.yml')]);
    expect(code, out + err).toBe(0);
  });

  it('is tried on series that are there [V11]', () => {
    for (const { name, input_series: series } of ruleTests)
      for (const one of series) {
        const [metric = ''] = metricsIn(one.series);
        expect(OF_PROMETHEUS.has(metric) || isThere(metric), `${name}: ${metric}`).toBe(true);
      }
  });

  it('says how urgent it is, and names its section of the runbooks, which is there [V11]', () => {
    const sections = [...textOf('docs/RUNBOOKS.md').matchAll(/^## (\w+)$/gm)].map(([, title]) => title);
    expect(sections).toEqual(rules.map(({ alert }) => alert));
    for (const { alert, labels, annotations } of rules) {
      expect(['critical', 'warning'], alert).toContain(labels.severity);
      expect(annotations.runbook).toBe(`docs/RUNBOOKS.md#${alert.toLowerCase()}`);
      expect(annotations.summary.length).toBeGreaterThan(20);
    }
  });
});

describe('the health check of the image', () => {
  const [, check = ''] = /^HEALTHCHECK .*\\\n *CMD (\[.*\])$/m.exec(textOf('deploy/Dockerfile')) ?? [];
  const [, ...args] = JSON.parse(check) as string[];

  async function checked(env: Record<string, string>): Promise<number | null> {
    const child = spawn(process.execPath, args, { env, stdio: 'ignore' });
    const [code] = (await once(child, 'exit')) as [number | null];
    return code;
  }

  it('says whether the server lives, at the first of its ports [V8]', async () => {
    expect(args.join(' ')).toContain('/health/live');
    expect(await checked({ PORT: `${server.port},1` })).toBe(0);
    expect(await checked({ WAYCAST_PORT: String(server.port), PORT: '1' })).toBe(0);
    expect(await checked({ PORT: String(await freePort()) })).toBe(1);
  });
});
