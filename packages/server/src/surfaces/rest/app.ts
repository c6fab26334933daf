import { randomBytes } from 'node:crypto';
import cors from '@fastify/cors';
import swagger from '@fastify/swagger';
import { type ErrorCode, type Validator, validator, WaycastError } from '@waycast/protocol';
import Fastify, { type FastifyBaseLogger, type FastifyInstance, type FastifyReply, type FastifyRequest, LogController } from 'fastify';
import type { TSchema } from 'typebox';
import { Convert } from 'typebox/value';
import type { Limits } from '../../hub/limits.ts';
import { type Identity, type Principal, principalOf } from '../../hub/principal.ts';
import type { TellSpan } from '../../trace/span.ts';
import { currentTrace, type Trace } from '../../trace/trace.ts';
import { bearerOf } from '../bearer.ts';
import { notFound, sendProblem } from './problem.ts';
import { readOn } from './read-on.ts';
import { finishOpenApi, type OpenApi } from './reference/open-api.ts';

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks; on routes that are open to all, null. */
    principal: Principal | null;
    /** What their token says, role or none; null without a token. */
    identity: Identity | null;
    /** What it belongs to, where spans are told. */
    trace: Trace | undefined;
  }
  interface FastifyReply {
    /** Why it is a refusal; null where it is none. */
    refusal: ErrorCode | null;
  }
  interface FastifyContextConfig {
    /** Answers without a token. */
    open?: boolean;
    /** Takes tokens that name no role: what their bearer is, the route decides. Calls without a token are counted, too. */
    anyRole?: boolean;
    /** Answers everybody alike and looks at no token, be it good or bad. */
    ignoresTokens?: boolean;
  }
}

const BODY_BYTES = 1_048_576;
/** What pages of other origins may do once they may call at all. */
const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE'];
const TOKEN_HINT = 'a JWT; `npm start -- token --role dispatcher` prints one';

export interface AppParts {
  readonly logger: FastifyBaseLogger;
  readonly version: string;
  readonly identify: (token: string) => Promise<Identity>;
  readonly limits: Limits;
  /** Whether a proxy is in front: the address it tells last is whose it is, what stands before that anybody may have claimed [L2]. */
  readonly trustProxy: boolean;
  /** Other origins whose pages may call [S9]. */
  readonly corsOrigins: readonly string[];
  /** Who hears of every request when it is answered; absent: nobody. */
  readonly tellSpan?: TellSpan | undefined;
  /** Hears of every refusal. */
  readonly refused: (code: ErrorCode) => void;
}

/** The REST surface without its routes: who asks, how often, what their bodies must fit, how failures look. */
export async function buildApp(parts: AppParts): Promise<FastifyInstance> {
  const app = Fastify({
    loggerInstance: parts.logger,
    // Paths can name people; the log tells what went wrong, metrics tell how much.
    logController: new LogController({ disableRequestLogging: true, requestIdLogLabel: 'trace' }),
    trustProxy: parts.trustProxy ? (_address, hop) => hop === 0 : false,
    bodyLimit: BODY_BYTES,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 200, ignoreTrailingSlash: true },
    genReqId: () => currentTrace()?.traceId ?? randomBytes(16).toString('hex'),
    frameworkErrors: (error, _, reply) => sendProblem(reply as FastifyReply, error),
    onProtoPoisoning: 'error',
    onConstructorPoisoning: 'error',
  });
  app.setValidatorCompiler(({ schema, httpPart }) => checker(validator(schema as TSchema), schema as TSchema, httpPart));
  app.setSerializerCompiler(() => (data) => JSON.stringify(data));
  app.setErrorHandler((error, request, reply) => {
    const problem = sendProblem(reply, error);
    if (reply.statusCode >= 500 && !(error instanceof WaycastError))
      request.log.error({ err: error, route: request.routeOptions.url }, 'a request failed for a fault of ours: please report this line');
    return problem;
  });
  app.setNotFoundHandler(notFound);
  app.addHook('onSend', (request, reply, payload, done) => {
    if (reply.statusCode === 413) readOn(request.raw, () => done(null, payload));
    else done(null, payload);
  });
  const any = parts.corsOrigins.includes('*');
  await app.register(cors, {
    origin: any ? true : [...parts.corsOrigins],
    methods: METHODS,
    exposedHeaders: ['retry-after', 'x-position'],
    maxAge: 600,
  });
  await app.register(swagger, {
    convertConstToEnum: false,
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Waycast', description: 'Real-time tracking of rides, deliveries and fleets.', version: parts.version },
      components: { securitySchemes: { token: { type: 'http', scheme: 'bearer', bearerFormat: 'JWT', description: TOKEN_HINT } } },
      security: [{ token: [] }],
    },
    transformObject: (collected) => finishOpenApi(('openapiObject' in collected ? collected.openapiObject : {}) as OpenApi) as object,
  });
  app.decorateRequest('principal', null);
  app.decorateRequest('identity', null);
  app.decorateReply('refusal', null);
  app.addHook('onResponse', async (_, { refusal }) => {
    if (refusal !== null) parts.refused(refusal);
  });
  if (parts.tellSpan !== undefined) tellSpans(app, parts.tellSpan);
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

/** A span for each request, by its route: paths can name people. */
function tellSpans(app: FastifyInstance, tell: TellSpan): void {
  app.decorateRequest('trace', undefined);
  app.addHook('onRequest', async (request) => {
    request.trace = currentTrace();
  });
  app.addHook('onResponse', async ({ method, routeOptions, trace }, { statusCode, elapsedTime }) => {
    if (trace === undefined) return;
    const route = routeOptions.url ?? 'no such path';
    const attributes = { 'http.request.method': method, 'http.route': route, 'http.response.status_code': statusCode };
    const error = statusCode >= 500 ? `it was answered ${statusCode}` : null;
    tell({ name: `${method} ${route}`, kind: 'server', trace, took: elapsedTime, attributes, error });
  });
}

/** Who asks, and after how many seconds they may ask; 0 now [L2]. */
async function admit(request: FastifyRequest, { identify, limits }: AppParts): Promise<number> {
  const { open = false, anyRole = false, ignoresTokens = false } = request.routeOptions.config;
  const authorization = ignoresTokens ? undefined : request.headers.authorization;
  if (authorization === undefined) {
    // Pages, health and metrics have to answer when everything else is too much.
    if (open && !anyRole) return 0;
    const wait = limits.take(`address ${request.ip}`);
    if (wait > 0) return wait;
    // Unknown paths are told to everybody alike.
    if (open || request.is404) return 0;
    throw new WaycastError('unauthenticated');
  }
  try {
    const identity = await identify(bearerOf(authorization));
    request.identity = identity;
    if (anyRole && identity.sub !== null) return limits.take(`subject ${identity.sub}`);
    request.principal = principalOf(identity);
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
    const value = part === 'querystring' ? fromText(source, data as Readonly<Record<string, unknown>>) : data;
    if (schema.check(value)) return { value };
    const { field, message } = schema.failure(value);
    const where = part === 'body' ? field : `/${part === 'querystring' ? 'query' : part}${field}`;
    return { error: new WaycastError('bad_request', `${where || 'the body'} ${message}`, { field: where }) };
  };
}

/** A query with its numbers read. Convert takes '' for 0, 'true' for 1 and 1.5 for 1 where whole ones are wanted: those stay text, and fail. */
function fromText(schema: TSchema, query: Readonly<Record<string, unknown>>): unknown {
  const value = Convert(schema, { ...query }) as Record<string, unknown>;
  for (const [name, text] of Object.entries(query)) {
    if (typeof value[name] === 'number' && (String(text).trim() === '' || Number(text) !== value[name])) value[name] = text;
  }
  return value;
}

/** Whether a page of `origin` may open a socket on a server reached as `host` [S9]. */
export function mayConnect(origin: string, host: string | undefined, corsOrigins: readonly string[]): boolean {
  if (corsOrigins.includes('*') || corsOrigins.includes(origin)) return true;
  try {
    return host !== undefined && new URL(origin).host === host;
  } catch {
    return false;
  }
}
