import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { RestClient } from './rest.ts';

interface Seen {
  method: string | undefined;
  path: string | undefined;
  authorization: string | undefined;
  key: string | string[] | undefined;
  body: string;
}

const servers: Server[] = [];

afterEach(() => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    server.close();
  }
});

/** Answers every request the same way and writes down what it was asked. */
async function answering(
  status: number,
  body: string | null,
  headers: Record<string, string> = {},
): Promise<{ url: string; seen: Seen[] }> {
  const seen: Seen[] = [];
  const server = createServer(async (request, response) => {
    seen.push(await note(request));
    if (body !== null) response.writeHead(status, headers).end(body);
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen };
}

async function note(request: IncomingMessage): Promise<Seen> {
  let body = '';
  for await (const chunk of request) body += String(chunk);
  const { authorization } = request.headers;
  return { method: request.method, path: request.url, authorization, key: request.headers['idempotency-key'], body };
}

test('asks with token, key and body, and gives back what came', async () => {
  const { url, seen } = await answering(201, '{"id":"t1"}');
  const rest = new RestClient({ url: `${url}/`, token: async () => 'secret' });
  expect(await rest.createTrip({ kind: 'ride', stops: [] }, { idempotencyKey: 'k1' })).toEqual({ id: 't1' });
  expect(seen).toEqual([
    { method: 'POST', path: '/v1/trips', authorization: 'Bearer secret', key: 'k1', body: '{"kind":"ride","stops":[]}' },
  ]);
});

test('queries leave out what is not given, ids are escaped', async () => {
  const { url, seen } = await answering(200, '{}');
  const rest = new RestClient({ url, token: 'secret' });
  await rest.trips({ driverId: 'd:1' });
  await rest.locations('d:1', { from: '2024-01-01T00:00:00Z' });
  expect(seen.map(({ path }) => path)).toEqual(['/v1/trips?driverId=d%3A1', '/v1/drivers/d%3A1/locations?from=2024-01-01T00%3A00%3A00Z']);
});

test('a problem becomes an error with its code', async () => {
  const problem = { type: 'about:blank', title: 'x', status: 409, code: 'illegal_transition', detail: 'from A to B', field: '/status' };
  const { url } = await answering(409, JSON.stringify(problem));
  const rest = new RestClient({ url, token: 'secret' });
  const failure = { name: 'ClientError', code: 'illegal_transition', status: 409, detail: 'from A to B', field: '/status' };
  await expect(rest.setStatus('t1', { status: 'ARRIVED' })).rejects.toMatchObject(failure);
});

test('an answer that is no problem details keeps its status and Retry-After', async () => {
  const { url } = await answering(503, '<html>busy</html>', { 'retry-after': '7' });
  const rest = new RestClient({ url, token: 'secret' });
  await expect(rest.trip('t1')).rejects.toMatchObject({ code: 'unexpected', status: 503, retryAfter: 7 });
});

test('no server, no answer in time, and no JSON are told apart', async () => {
  const { url } = await answering(200, null);
  await expect(new RestClient({ url, timeout: 30 }).health()).rejects.toMatchObject({ code: 'timeout' });
  const page = await answering(200, 'hello');
  await expect(new RestClient({ url: page.url }).health()).rejects.toMatchObject({ code: 'unexpected' });
  await expect(new RestClient({ url: 'http://127.0.0.1:1' }).health()).rejects.toMatchObject({ code: 'network' });
});

test('a signal calls requests off', async () => {
  const { url, seen } = await answering(200, null);
  const stop = new AbortController();
  const asked = new RestClient({ url, signal: stop.signal }).health();
  while (seen.length === 0) await new Promise((resolve) => setImmediate(resolve));
  stop.abort();
  await expect(asked).rejects.toMatchObject({ code: 'closed' });
});
