import type { IncomingMessage, ServerResponse } from 'node:http';

/** Pages of another origin that may connect are told so; they may carry the cookies of a router that keeps them on one process. */
export function allowOrigin({ headers }: IncomingMessage, response: ServerResponse): void {
  const { origin } = headers;
  if (origin === undefined) return;
  response.setHeader('access-control-allow-origin', origin);
  response.setHeader('access-control-allow-credentials', 'true');
  response.setHeader('access-control-allow-methods', 'GET, POST');
  const wanted = headers['access-control-request-headers'];
  if (wanted !== undefined) response.setHeader('access-control-allow-headers', wanted);
  response.setHeader('access-control-max-age', '600');
  response.setHeader('vary', 'origin');
}
