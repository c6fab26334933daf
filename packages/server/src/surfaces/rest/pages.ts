import { existsSync } from 'node:fs';
import { join } from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyInstance } from 'fastify';

export interface PagesParts {
  /** Where the built dashboard lies. */
  readonly root: string;
  readonly basemapStyleUrl: string | undefined;
  readonly serviceName: string;
  readonly version: string;
}

/** The dashboard, under a policy that lets nothing in but itself and the basemap. */
export async function pages(app: FastifyInstance, { root, basemapStyleUrl, serviceName, version }: PagesParts): Promise<void> {
  const policy = contentSecurityPolicy(basemapStyleUrl);
  const open = { config: { open: true }, schema: { hide: true } };
  app.get('/ui-config.json', open, async (_, reply) => {
    return reply.header('cache-control', 'no-store').send({ basemapStyleUrl: basemapStyleUrl ?? null, serviceName, version });
  });
  if (!existsSync(join(root, 'index.html'))) {
    app.get('/', open, async (_, reply) =>
      reply.code(503).type('text/plain').serializer(String).send('The dashboard is not built: run "npm run build" and start again.\n'),
    );
    return;
  }
  await app.register(
    async (scope) => {
      scope.addHook('onRoute', (route) => {
        route.config = { ...route.config, open: true };
        route.schema = { ...route.schema, hide: true };
      });
      await scope.register(fastifyStatic, {
        root,
        cacheControl: false,
        setHeaders: (reply, path) => {
          reply.header('content-security-policy', policy);
          reply.header('x-content-type-options', 'nosniff');
          reply.header('referrer-policy', 'no-referrer');
          // Built files carry a hash of their content in their names.
          reply.header('cache-control', path.includes(`${join(root, 'assets')}`) ? 'public, max-age=31536000, immutable' : 'no-cache');
        },
      });
    },
    { prefix: '/' },
  );
}

function contentSecurityPolicy(basemapStyleUrl: string | undefined): string {
  const basemap = basemapStyleUrl === undefined ? '' : ` ${new URL(basemapStyleUrl).origin}`;
  return [
    "default-src 'self'",
    "script-src 'self'",
    "style-src 'self'",
    `img-src 'self' data: blob:${basemap}`,
    `connect-src 'self'${basemap}`,
    "worker-src 'self' blob:",
    `font-src 'self'${basemap}`,
    "object-src 'none'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
}
