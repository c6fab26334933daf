import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { Problem, Ticket } from '../packages/protocol/src/index.ts';
import { validator } from '../packages/protocol/src/validate.ts';
import { inSeconds, jwt } from './support/jwt.ts';
import { dial, type Peer, refused } from './support/peer.ts';
import { CENTRE, PAST, unique } from './support/places.ts';
import { caller } from './support/rest.ts';
import { startServer, type TestServer } from './support/server.ts';
import { until } from './support/until.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startServer({
    env: { LOCATION_UPDATE_RATE_LIMIT: '0', MAX_CONNECTIONS_PER_DRIVER: '2', CORS_ORIGINS: 'https://maps.example,http://localhost:5173' },
  });
});

afterAll(() => server.stop());

const asDriver = async (sub = unique('driver')): Promise<Peer> => dial(server, { token: await server.token('driver', sub) });
const ticketOf = async (sub: string): Promise<string> =>
  (await caller(server, await server.token('driver', sub)).post('/v1/tickets')).as(Ticket, 201).ticket;
const stream = (query = '') => `${server.url.replace('http', 'ws')}/v1/stream${query}`;

/** What a browser has: no headers of its own, and messages as events. */
async function browser(query = ''): Promise<{ socket: WebSocket; said: Record<string, unknown>[]; code: Promise<number> }> {
  const socket = new WebSocket(stream(query));
  const said: Record<string, unknown>[] = [];
  socket.onmessage = ({ data }) => said.push(JSON.parse(String(data)));
  const code = new Promise<number>((resolve) => {
    socket.onclose = (event) => resolve(event.code);
  });
  await new Promise((resolve, reject) => {
    socket.onopen = resolve;
    socket.onerror = reject;
  });
  return { socket, said, code };
}

describe('coming in', () => {
  it('welcomes a token in the header at once', async () => {
    const peer = await asDriver('hedda');
    const [welcome] = peer.all('welcome');
    expect(welcome).toMatchObject({ sub: 'hedda', role: 'driver', heartbeat: 15 });
    expect(Date.parse(welcome?.expiresAt ?? '')).toBeGreaterThan(Date.now() + 3_000_000);
    await peer.close();
  });

  it('welcomes a token in the first message, also from a browser, and echoes its ref', async () => {
    const page = await browser();
    page.socket.send(JSON.stringify({ type: 'auth', token: await server.token('driver', 'bo'), ref: 'hello' }));
    await until(
      () => page.said,
      (said) => said.length > 0,
    );
    expect(page.said[0]).toMatchObject({ type: 'welcome', sub: 'bo', role: 'driver', ref: 'hello' });
    page.socket.close();
    await page.code;
  });

  it('welcomes a ticket in the query once, also from a browser; a second use is refused [S8]', async () => {
    const ticket = await ticketOf('tia');
    const page = await browser(`?ticket=${ticket}`);
    await until(
      () => page.said,
      (said) => said.length > 0,
    );
    expect(page.said[0]).toMatchObject({ type: 'welcome', sub: 'tia' });
    expect((await refused(server, {}, `?ticket=${ticket}`)).status).toBe(401);
    expect((await refused(server, {}, '?ticket=unheard')).status).toBe(401);
    page.socket.close();
    await page.code;
  });

  it('takes one ticket once when two come with it at the same time [S8]', async () => {
    const ticket = await ticketOf('twice');
    const came = await Promise.allSettled([1, 2, 3].map(() => dial(server, { query: `?ticket=${ticket}` })));
    const peers = came.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
    expect(peers).toHaveLength(1);
    for (const peer of peers) await peer.close();
  });

  it('refuses a bad token in the handshake as a problem, 401 [S7]', async () => {
    const { status, body } = await refused(server, { authorization: 'Bearer nope' });
    expect(status).toBe(401);
    expect(validator(Problem).check(JSON.parse(body)), body).toBe(true);
    expect(JSON.parse(body)).toMatchObject({
      code: 'unauthenticated',
      title: 'A valid token is required',
      type: 'urn:waycast:error:unauthenticated',
    });
  });

  it('answers nothing but errors before it knows who is there', async () => {
    const peer = await dial(server);
    for (const message of [
      { type: 'fix', ...CENTRE },
      { type: 'subscribe', feed: 'fleet' },
      { type: 'open', stream: 's', driver: 'd' },
    ])
      peer.send(message);
    const { code } = await peer.closed.then((end) => end);
    expect(code).toBe(4401);
    expect(new Set(peer.all('error').map((error) => error.code))).toEqual(new Set(['unauthenticated']));
    expect(peer.messages.filter((message) => message.type !== 'error')).toEqual([]);
  });
});

describe('whose page it is', () => {
  it.each(['https://evil.example', 'null', 'http://localhost:5174', 'https://maps.example.evil.example', 'http://maps.example'])(
    'refuses a page of %s: 403 [S9]',
    async (origin) => {
      const { status, body } = await refused(server, { origin, authorization: `Bearer ${await server.token('admin')}` });
      expect(status).toBe(403);
      expect(JSON.parse(body)).toMatchObject({ code: 'forbidden_origin', status: 403 });
    },
  );

  it('takes pages of CORS_ORIGINS, its own page, and whoever is no page [S9]', async () => {
    for (const headers of [{ origin: 'https://maps.example' }, { origin: 'http://localhost:5173' }, { origin: server.url }, {}]) {
      const peer = await dial(server, { token: await server.token('admin'), headers });
      await peer.close();
    }
  });

  it('answers CORS headers to pages of CORS_ORIGINS only [S9]', async () => {
    const ask = async (origin: string) =>
      (await caller(server, await server.token('admin')).call('GET', '/v1/trips', undefined, { origin })).headers.get(
        'access-control-allow-origin',
      );
    expect(await ask('https://maps.example')).toBe('https://maps.example');
    expect(await ask('https://evil.example')).toBeNull();
  });

  it('lets pages of CORS_ORIGINS change and remove as well as read [S9]', async () => {
    for (const method of ['PATCH', 'PUT', 'DELETE']) {
      const { headers } = await fetch(`${server.url}/v1/trips/t`, {
        method: 'OPTIONS',
        headers: { origin: 'https://maps.example', 'access-control-request-method': method },
      });
      expect(headers.get('access-control-allow-methods')?.split(/, ?/)).toContain(method);
    }
  });

  it('lets everybody in with CORS_ORIGINS=*', async () => {
    const open = await startServer({ env: { CORS_ORIGINS: '*' } });
    const peer = await dial(open, { token: await open.token('admin'), headers: { origin: 'https://anything.example' } });
    await peer.close();
    await open.stop();
  });
});

describe('a fresh token on the way', () => {
  it('is taken from the same subject, and moves the end [L6]', async () => {
    const peer = await asDriver('ren');
    const fresh = jwt({ sub: 'ren', role: 'driver', exp: inSeconds(7_200) });
    const welcome = await peer.ask({ type: 'auth', token: fresh });
    expect(welcome).toMatchObject({ type: 'welcome', sub: 'ren' });
    expect(Date.parse((welcome as { expiresAt: string }).expiresAt)).toBeGreaterThan(Date.now() + 7_000_000);
    await peer.close();
  });

  it.each([
    ['another subject', () => jwt({ sub: 'other', role: 'driver' })],
    ['a forger', () => jwt({ sub: 'ren2', role: 'driver' }, { secret: 'forged' })],
    ['the past', () => jwt({ sub: 'ren2', role: 'driver', exp: inSeconds(-60) })],
  ])('is refused from %s, and the connection stays who it was [L6]', async (_who, token) => {
    const peer = await asDriver('ren2');
    expect(await peer.ask({ type: 'auth', token: token() })).toMatchObject({
      type: 'error',
      code: expect.stringMatching(/^(unauthenticated|token_expired|forbidden)$/),
    });
    expect(await peer.ask({ type: 'open', stream: 's' })).toMatchObject({ type: 'opened', driver: 'ren2' });
    await peer.close();
  });

  it('of another role of the same subject changes what it may', async () => {
    const peer = await asDriver('rolf');
    expect(await peer.ask({ type: 'subscribe', feed: 'fleet' })).toMatchObject({ type: 'error' });
    const answer = await peer.ask({ type: 'auth', token: jwt({ sub: 'rolf', role: 'passenger' }) });
    expect(answer.type === 'error' || (answer.type === 'welcome' && answer.role === 'passenger'), JSON.stringify(answer)).toBe(true);
    if (answer.type === 'welcome') {
      peer.send({ type: 'fix', ...CENTRE, driver: 'rolf', timestamp: PAST });
      expect((await peer.next('error')).code).toMatch(/forbidden|not_found/);
    }
    await peer.close();
  });
});

describe('connections of one driver', () => {
  it('are as many as MAX_CONNECTIONS_PER_DRIVER; one more is closed 4429, and a place that is left is free again [L4]', async () => {
    const first = await asDriver('many');
    const second = await asDriver('many');
    const third = await dial(server);
    third.send({ type: 'auth', token: await server.token('driver', 'many') });
    expect((await third.closed).code).toBe(4429);
    expect(third.all('welcome')).toEqual([]);

    expect(await second.ask({ type: 'ping' }), 'those there are not hurt').toMatchObject({ type: 'pong' });
    await first.close();
    await until(
      async () => dial(server, { token: await server.token('driver', 'many') }).catch(() => undefined),
      (peer) => peer !== undefined,
    );
    const watchers = await Promise.all([1, 2, 3, 4].map(async () => dial(server, { token: await server.token('admin', 'many-admin') })));
    expect(watchers).toHaveLength(4);
    for (const peer of [second, ...watchers]) await peer.close();
  });
});

describe('plain requests to the stream', () => {
  it('are told that it is a WebSocket, and never a 5xx', async () => {
    const answer = await caller(server, await server.token('admin')).get('/v1/stream');
    expect(answer.status).toBeGreaterThanOrEqual(400);
    expect(answer.status).toBeLessThan(500);
  });

  it('refuses an upgrade anywhere else', async () => {
    await expect(
      new Promise((resolve, reject) => {
        const socket = new WebSocket(stream().replace('/v1/stream', '/v1/elsewhere'));
        socket.onopen = resolve;
        socket.onerror = () => reject(new Error('refused'));
      }),
    ).rejects.toThrow('refused');
  });
});
