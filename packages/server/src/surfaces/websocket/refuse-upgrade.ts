import { STATUS_CODES } from 'node:http';
import type { Duplex } from 'node:stream';
import { ERRORS, type WaycastError } from '@waycast/protocol';
import { currentTrace } from '../../trace/trace.ts';
import { problemOf } from '../problem.ts';

/** Answers an upgrade that is not taken, as plain HTTP. */
export function refuseUpgrade(socket: Duplex, error: WaycastError, status: number = ERRORS[error.code].status): void {
  const problem = { ...problemOf(error, currentTrace()?.traceId), status };
  const body = JSON.stringify(problem);
  const head = [
    `HTTP/1.1 ${status} ${STATUS_CODES[status]}`,
    'Connection: close',
    'Content-Type: application/problem+json',
    `Content-Length: ${Buffer.byteLength(body)}`,
    ...(problem.retryAfter === undefined ? [] : [`Retry-After: ${Math.ceil(problem.retryAfter)}`]),
  ];
  socket.end(`${head.join('\r\n')}\r\n\r\n${body}`);
}
