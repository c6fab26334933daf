import { createHash } from 'node:crypto';
import swaggerUi from '@fastify/swagger-ui';
import type { FastifyInstance } from 'fastify';
import { asyncApi } from './async-api.ts';
import type { Channel } from './channel.ts';
import type { OpenApi } from './open-api.ts';
import { referencePage } from './page/page.ts';
import { STYLE } from './page/style.ts';

export interface ReferenceParts {
  readonly version: string;
  /** The sockets this server has. */
  readonly channels: readonly Channel[];
}

const OUTSIDE_NOTHING = ["object-src 'none'", "base-uri 'none'", "frame-ancestors 'none'"];
/** Swagger UI draws its icons from the address itself, and sends forms by script alone. */
const DOCS_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "form-action 'none'",
  ...OUTSIDE_NOTHING,
].join('; ');
const PAGE_POLICY = [
  "default-src 'none'",
  `style-src 'sha256-${createHash('sha256').update(STYLE.text).digest('base64')}'`,
  'img-src data:',
  "form-action 'none'",
  ...OUTSIDE_NOTHING,
].join('; ');

/** The reference, from the package alone and open to all: `/docs` to try calls out, `/redoc` to read, `/asyncapi.json` for the sockets. */
export async function reference(app: FastifyInstance, { version, channels }: ReferenceParts): Promise<void> {
  const open = { config: { open: true }, schema: { hide: true } };
  const sockets = once(() => asyncApi(channels, version));
  const page = once(() => referencePage(app.swagger() as OpenApi, sockets()));
  app.get('/asyncapi.json', open, async () => sockets());
  app.get('/redoc', open, async (_, reply) =>
    reply
      .headers({ ...HEADERS, 'content-security-policy': PAGE_POLICY })
      .type('text/html; charset=utf-8')
      .send(page()),
  );
  await app.register(async (scope) => {
    scope.addHook('onRoute', (route) => {
      route.config = { ...route.config, open: true };
    });
    scope.addHook('onSend', async (_, reply) => {
      reply.headers(HEADERS);
    });
    await scope.register(swaggerUi, {
      routePrefix: '/docs',
      staticCSP: DOCS_POLICY,
      theme: { title: 'Waycast API' },
      uiConfig: { layout: 'BaseLayout', docExpansion: 'list', defaultModelsExpandDepth: 0, persistAuthorization: false },
    });
  });
}

const HEADERS = { 'x-content-type-options': 'nosniff', 'referrer-policy': 'no-referrer', 'cache-control': 'no-cache' };

/** Made when first asked for: a start does not wait for it. */
function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | undefined;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
