import cors from '@fastify/cors';
import swagger from '@fastify/swagger';
import { Problem, type Validator, validator, WaycastError } from '@waycast/protocol';
import Fastify, { type FastifyBaseLogger, type FastifyInstance, type FastifyReply, type FastifyRequest, LogController } from 'fastify';
import type { TSchema } from 'typebox';
import { Convert } from 'typebox/value';
import type { Limits } from '../../hub/limits.ts';
import type { Principal } from '../../hub/principal.ts';
import { notFound, sendProblem } from './problem.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks; on routes that are open to all, null. */
    principal: Principal | null;
  }
  interface FastifyContextConfig {
    /** Answers without a token. */
    open?: boolean;
  }
}

const BODY_BYTES = 1_048_576;

export interface AppParts {
  readonly logger: FastifyBaseLogger;
  readonly version: string;
  readonly verify: (token: string) => Promise<Principal>;
  readonly limits: Limits;
  readonly trustProxy: boolean;
  /** Other origins whose pages may call [S9]. */
  readonly corsOrigins: readonly string[];
}

/** The REST surface without its routes: who asks, how often, what their bodies must fit, how failures look. */
export async function buildApp(parts: AppParts): Promise<FastifyInstance> {
  const app = Fastify({
    loggerInstance: parts.logger,
    // Paths can name people; the log tells what went wrong, metrics tell how much.
    logController: new LogController({ disableRequestLogging: true }),
    trustProxy: parts.trustProxy,
    bodyLimit: BODY_BYTES,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 200 },
    frameworkErrors: (error, _, reply) => sendProblem(reply as FastifyReply, error),
    onProtoPoisoning: 'error',
    onConstructorPoisoning: 'error',
  });
  app.setValidatorCompiler(({ schema, httpPart }) => checker(validator(schema as TSchema), schema as TSchema, httpPart));
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  app.setErrorHandler((error, request, reply) => {
    const problem = sendProblem(reply, error);
    if (reply.statusCode >= 500 && !(error instanceof WaycastError))
      request.log.error({ err: error, route: request.routeOptions.url }, 'a request failed for a fault of ours');
    return problem;
  });
  app.setNotFoundHandler(notFound);
  const any = parts.corsOrigins.includes('*');
  await app.register(cors, { origin: any ? true : [...parts.corsOrigins], exposedHeaders: ['retry-after'], maxAge: 600 });
  await app.register(swagger, {
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Waycast', description: 'Real-time tracking of rides, deliveries and fleets', version: parts.version },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT' } } },
      security: [{ token: [] }],
    },
  });
  app.decorateRequest('principal', null);
  app.addHook('onRequest', async (request, reply) => {
    const wait = await admit(request, parts);
    if (wait > 0)
      return sendProblem(
        reply,
        new WaycastError('rate_limited', `too many calls; again in ${Math.ceil(wait)} s`, { retryAfter: Math.ceil(wait) }),
      );
  });
  return app;
}

/** Who asks, and after how many seconds they may ask; 0 now [L2]. */
async function admit(request: FastifyRequest, { verify, limits }: AppParts): Promise<number> {
  const open = request.routeOptions.config.open === true;
  const { authorization } = request.headers;
  if (authorization === undefined) {
    // Pages, health and metrics have to answer when everything else is too much.
    if (open) return 0;
    const wait = limits.take(`address ${request.ip}`);
    if (wait > 0) return wait;
    // Unknown paths are told to everybody alike.
    if (request.is404) return 0;
    throw new WaycastError('unauthenticated');
  }
  try {
    const token = /^Bearer (.+)$/i.exec(authorization)?.[1];
    if (token === undefined) throw new WaycastError('unauthenticated', 'Authorization must be Bearer');
    request.principal = await verify(token);
  } catch (error) {
    const wait = limits.take(`address ${request.ip}`);
    if (wait > 0) return wait;
    throw error;
  }
  return limits.take(`subject ${request.principal.role} ${request.principal.sub}`);
}

/** Who asks, on routes that need somebody. */
export function whoAsks(request: FastifyRequest): Principal {
  if (request.principal === null) throw new WaycastError('unauthenticated');
  return request.principal;
}

function checker(schema: Validator<unknown>, source: TSchema, part: string | undefined) {
  return (data: unknown): { value: unknown } | { error: Error } => {
    // Queries are text; a body says what it means.
    const value = part === 'querystring' ? Convert(source, { ...(data as object) }) : data;
    if (schema.check(value)) return { value };
    const { field, message } = schema.failure(value);
    const where = part === 'body' ? field : `/${part === 'querystring' ? 'query' : part}${field}`;
    return { error: new WaycastError('bad_request', `${where || 'the body'} ${message}`, { field: where }) };
  };
}

/** The failures every route may answer with, for its documentation. */
export const failures = { '4xx': Problem, '5xx': Problem } as const;

/** Whether a page of `origin` may open a socket on a server reached as `host` [S9]. */
export function mayConnect(origin: string, host: string | undefined, corsOrigins: readonly string[]): boolean {
  if (corsOrigins.includes('*') || corsOrigins.includes(origin)) return true;
  try {
    return host !== undefined && new URL(origin).host === host;
  } catch {
    return false;
  }
}
