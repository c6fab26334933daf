import type { ServerResponse } from 'node:http';
import type { WaycastError } from '@waycast/protocol';
import { currentTrace } from '../../trace/trace.ts';
import { problemOf } from '../problem.ts';

/** A refusal before there is a connection. */
export function refuseRequest(response: ServerResponse, error: WaycastError): void {
  const problem = problemOf(error, currentTrace()?.traceId);
  response.statusCode = problem.status;
  response.setHeader('content-type', 'application/problem+json');
  if (problem.retryAfter !== undefined) response.setHeader('retry-after', Math.ceil(problem.retryAfter));
  response.end(JSON.stringify(problem));
}
