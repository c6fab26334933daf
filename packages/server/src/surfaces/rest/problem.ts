import { type ErrorCode, WaycastError } from '@waycast/protocol';
import type { FastifyReply, FastifyRequest } from 'fastify';
import { problemOf } from '../problem.ts';

/**
 * Answers any failure as problem details. A fault of ours says nothing but that it was one.
 * `statusOf`: where a contract wants another status than the table's.
 */
export function sendProblem(reply: FastifyReply, error: unknown, statusOf = (status: number) => status): FastifyReply {
  const told = problemOf(error instanceof WaycastError ? error : fromFastify(error), reply.request.id);
  const problem = { ...told, status: statusOf(told.status) };
  reply.refusal = told.code;
  if (problem.retryAfter !== undefined) reply.header('retry-after', Math.ceil(problem.retryAfter));
  if (problem.status === 401) reply.header('www-authenticate', 'Bearer');
  return reply.code(problem.status).type('application/problem+json').serializer(JSON.stringify).send(problem);
}

/** What Fastify itself refuses: bodies that are too large, no JSON, or of another type. */
function fromFastify(error: unknown): WaycastError {
  const { statusCode, message, code } = error as { statusCode?: number; message?: string; code?: string };
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE') return new WaycastError('too_large', 'the body is over 1 MB');
  if (error instanceof SyntaxError || code === 'FST_ERR_CTP_EMPTY_JSON_BODY' || code === 'FST_ERR_CTP_INVALID_JSON_BODY')
    return new WaycastError('bad_json');
  if (code === 'FST_ERR_CTP_INVALID_MEDIA_TYPE') return new WaycastError('bad_request', 'the body must be application/json');
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) return new WaycastError(codeFor(statusCode), message);
  return new WaycastError('internal');
}

function codeFor(status: number): ErrorCode {
  if (status === 404) return 'not_found';
  if (status === 413) return 'too_large';
  if (status === 429) return 'rate_limited';
  return 'bad_request';
}

/** No route of ours. */
export function notFound(_: FastifyRequest, reply: FastifyReply): FastifyReply {
  return sendProblem(reply, new WaycastError('not_found', 'no such path'));
}
