import { Ajv2020 } from 'ajv/dist/2020.js';
import formats from 'ajv-formats';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { ERRORS } from '../packages/protocol/src/index.ts';
import { NATIVE_CHANNEL } from '../packages/server/src/surfaces/rest/reference/native-channel.ts';
import type { OpenApi, Operation } from '../packages/server/src/surfaces/rest/reference/open-api.ts';
import { fitsAsyncApi } from '../packages/server/src/surfaces/rest/reference/testing/async-api-schema.ts';
import { type Caller, caller } from './support/rest.ts';
import { startServer, type TestServer } from './support/server.ts';

interface Described {
  readonly name: string;
  readonly operation: Operation;
}

let server: TestServer;
let nobody: Caller;
let api: OpenApi;
let operations: readonly Described[];
let page: string;

beforeAll(async () => {
  server = await startServer({ env: { REST_RATE_LIMIT_PER_MINUTE: '1' } });
  nobody = caller(server);
  api = (await nobody.get('/openapi.json')).json() as OpenApi;
  operations = Object.entries(api.paths).flatMap(([path, item]) =>
    Object.entries(item).map(([method, operation]) => ({ name: `${method} ${path}`, operation })),
  );
  page = (await nobody.get('/redoc')).text;
});

afterAll(() => server.stop());

describe('/openapi.json [B1]', () => {
  it('names every operation once, says what it does, and puts it into a group that is explained', () => {
    const ids = operations.map(({ operation }) => operation.operationId);
    expect(new Set(ids).size).toBe(ids.length);
    const groups = new Set(api.tags?.map(({ name }) => name));
    for (const { name, operation } of operations) {
      expect(operation.operationId, name).toMatch(/^[a-z][A-Za-z0-9]+$/);
      expect(operation.summary, name).toBeTruthy();
      expect(operation.tags, name).toHaveLength(1);
      expect([...groups], name).toContain(operation.tags?.[0]);
    }
  });

  it('explains every answer, refusals included, and every error code', () => {
    for (const { name, operation } of operations) {
      const answers = Object.entries(operation.responses ?? {});
      expect(
        answers.some(([status]) => /^[123]/.test(status)),
        name,
      ).toBe(true);
      expect(
        answers.some(([status]) => /^(4|default)/.test(status)),
        name,
      ).toBe(true);
      for (const [status, { description }] of answers) expect(description, `${name} ${status}`).toMatch(/^(?!Default Response)\S.+\.?$/);
    }
    for (const [code, { status, title }] of Object.entries(ERRORS))
      expect(api.info.description).toContain(`| \`${code}\` | ${status} | ${title} |`);
  });

  it('writes each shared schema once, and refers to nothing that is not there', () => {
    const whole = JSON.stringify(api);
    const names = Object.keys(api.components.schemas ?? {});
    const refs = new Set([...whole.matchAll(/"\$ref":"([^"]+)"/g)].map((match) => match[1] ?? ''));
    for (const ref of refs) expect(names, ref).toContain(ref.replace('#/components/schemas/', ''));
    for (const name of names) expect(refs, name).toContain(`#/components/schemas/${name}`);
    expect(titlesInline(api.paths)).toEqual([]);
    for (const [name, { title: _, ...schema }] of Object.entries(api.components.schemas ?? {}))
      expect(titlesInline(schema), name).toEqual([]);
    const contents = Object.values(api.components.schemas ?? {}).map(({ title: _, examples: __, description: ___, ...rest }) =>
      JSON.stringify(rest),
    );
    expect(contents.length - new Set(contents).size, 'the same under two names').toBe(0);
  });

  it('has an example for every body, and every example fits', () => {
    const ajv = formats.default(new Ajv2020({ strict: false }));
    ajv.addSchema({ $id: 'api', components: api.components });
    for (const { name, operation } of operations)
      for (const { schema = {} } of Object.values(operation.requestBody?.content ?? {}))
        for (const variant of schema.anyOf ?? schema.oneOf ?? [schema]) {
          const named = api.components.schemas?.[variant.$ref?.replace('#/components/schemas/', '') ?? ''] ?? variant;
          expect(named.examples?.length ?? 0, `the body of ${name}`).toBeGreaterThan(0);
        }
    for (const [name, { examples = [] }] of Object.entries(api.components.schemas ?? {})) {
      const fits = ajv.compile({ $ref: `api#/components/schemas/${name}` });
      for (const example of examples) expect(fits(example), `${name}: ${ajv.errorsText(fits.errors)}`).toBe(true);
    }
  });
});

describe('/asyncapi.json [B2]', () => {
  it('is AsyncAPI 3.0 with the messages of the native stream', async () => {
    const answer = await nobody.get('/asyncapi.json');
    expect(answer.type).toContain('application/json');
    const document = answer.json() as { components: { messages: object } };
    expect(fitsAsyncApi(document)).toEqual([]);
    for (const side of ['client', 'server'] as const)
      for (const name of Object.keys(NATIVE_CHANNEL[side])) expect(document.components.messages).toHaveProperty([`stream.${side}.${name}`]);
  });
});

describe('/redoc [B3]', () => {
  it('has a place for every operation, message and schema, and each link on it leads somewhere', async () => {
    const document = (await nobody.get('/asyncapi.json')).json() as { components: { messages: object; schemas: object } };
    const ids = [...page.matchAll(/ id="([^"]+)"/g)].map((match) => match[1] ?? '');
    expect(new Set(ids).size).toBe(ids.length);
    for (const { operation } of operations) expect(ids).toContain(`call-${operation.operationId}`);
    for (const name of Object.keys(document.components.messages)) expect(ids).toContain(`message-${name.replaceAll(/[.:]/g, '-')}`);
    for (const name of Object.keys({ ...document.components.schemas, ...api.components.schemas })) expect(ids).toContain(`schema-${name}`);
    const links = [...page.matchAll(/ href="([^"]+)"/g)].map((match) => match[1] ?? '');
    for (const link of links.filter((one) => one.startsWith('#'))) expect(ids).toContain(link.slice(1));
    for (const link of new Set(links.filter((one) => one.startsWith('/')))) expect((await nobody.get(link)).status, link).toBe(200);
    expect(links.filter((link) => !/^(#|\/|data:)/.test(link))).toEqual([]);
  });
});

describe('the reference [B4]', () => {
  it.each(['/docs', '/docs/', '/docs/static/swagger-ui-bundle.js', '/docs/json', '/redoc', '/openapi.json', '/asyncapi.json'])(
    '%s is open to all, however often it is asked for',
    async (path) => {
      for (let i = 0; i < 3; i++) expect((await nobody.get(path)).status).toBe(200);
    },
  );

  it('has a policy that lets nothing in from elsewhere, and no inline script', async () => {
    for (const path of ['/docs', '/docs/', '/redoc', '/docs/static/swagger-ui-bundle.js']) {
      const { headers } = await nobody.get(path);
      const policy = headers.get('content-security-policy') ?? '';
      expect(policy, path).toMatch(/^default-src 'none'; /);
      expect(policy, path).not.toMatch(/unsafe|https?:|\*/);
      expect(headers.get('x-content-type-options')).toBe('nosniff');
      expect(headers.get('referrer-policy')).toBe('no-referrer');
    }
    expect((await nobody.get('/redoc')).headers.get('content-security-policy')).not.toContain('script-src');
  });

  it('shows the same calls in /docs as in /openapi.json, and gives no other file of the package away', async () => {
    expect((await nobody.get('/docs/json')).json()).toEqual(api);
    for (const path of ['/docs/static/../package.json', '/docs/static/%2e%2e/package.json', '/docs/static/..%2fpackage.json'])
      expect((await nobody.get(path)).text, path).not.toContain('"dependencies"');
  });
});

/** Titles of schemas that stand where a reference should. */
function titlesInline(value: unknown): unknown[] {
  if (typeof value !== 'object' || value === null) return [];
  const inner = Object.entries(value).flatMap(([key, member]) => (key === 'examples' || key === 'properties' ? [] : titlesInline(member)));
  const members = 'properties' in value ? Object.values(value.properties as object).flatMap(titlesInline) : [];
  return [...('title' in value && typeof value.title === 'string' ? [value.title] : []), ...inner, ...members];
}
