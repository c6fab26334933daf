import type { ServerMessage } from '@waycast/protocol';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { ConnectionState } from './connection-state.ts';
import { StreamClient, type StreamOptions } from './stream.ts';
import { FakeServer } from './testing/fake-server.ts';
import { until } from './testing/until.ts';

const FAST = { min: 2, max: 10, connect: 2_000 };
let server: FakeServer;
const open: StreamClient[] = [];

beforeEach(async () => {
  server = await FakeServer.start();
});

afterEach(async () => {
  for (const client of open.splice(0)) client.close();
  await server.stop();
  expect(server.violations).toEqual([]);
});

function connect(more: Partial<StreamOptions> = {}): StreamClient {
  const client = new StreamClient({ url: server.url, token: 'secret', timing: FAST, ...more });
  open.push(client);
  return client;
}

/** Watches a feed and writes down what comes, short: `S0`, `L3`, `C2-5`. */
function notes(client: StreamClient, feed: `trip:${string}` | `driver:${string}`): { seen: string[]; close(): void } {
  const seen: string[] = [];
  const watch = client.watch(feed, {
    snapshot: (m) => seen.push(`S${m.seq}`),
    location: (m) => seen.push(`L${m.seq}`),
    conflated: (m) => seen.push(`C${m.from}-${m.to}`),
    error: (e) => seen.push(e.code),
  });
  return { seen, close: () => watch.close() };
}

test('connects, authenticates by its first message, and tells its state', async () => {
  const states: string[] = [];
  const client = connect({ onState: (state) => states.push(state.status) });
  await until(() => client.state.status === 'open');
  expect(client.state).toEqual({ status: 'open', sub: 'me', role: 'service', expiresAt: null });
  expect(server.tokens).toEqual(['secret']);
  client.close();
  client.close();
  expect(states).toEqual(['connecting', 'open', 'closed']);
});

test('a refused token ends it by name, and nobody knocks again', async () => {
  server.admit = () => 'unauthenticated';
  const client = connect();
  await until(() => client.state.status === 'closed');
  expect(client.state).toMatchObject({ status: 'closed', code: 'unauthenticated', reason: 'refused: unauthenticated' });
  expect(server.tokens).toHaveLength(1);
});

test('with a token function a refused token is followed by a fresh one', async () => {
  server.admit = (token) => (token === 'token-3' ? 'ok' : 'token_expired');
  let asked = 0;
  const client = connect({ token: async () => `token-${++asked}` });
  await until(() => client.state.status === 'open');
  expect(server.tokens).toEqual(['token-1', 'token-2', 'token-3']);
});

test('a token function that fails is asked again', async () => {
  let asked = 0;
  const states: ConnectionState[] = [];
  const client = connect({
    onState: (state) => states.push(state),
    token: () => {
      asked += 1;
      if (asked === 1) throw new Error('the token service is away');
      return 'fine';
    },
  });
  await until(() => client.state.status === 'open');
  expect(states.find((state) => state.status === 'waiting')).toMatchObject({ reason: 'no token: the token service is away' });
});

test('refresh sends a fresh token on the open connection', async () => {
  let asked = 0;
  const client = connect({ token: () => `token-${++asked}` });
  await until(() => client.state.status === 'open');
  await client.refresh();
  await until(() => server.tokens.length === 2);
  expect(server.tokens).toEqual(['token-1', 'token-2']);
  expect(server.connections).toBe(1);
});

test('a token that runs out soon is replaced before it does', async () => {
  server.expiresAt = new Date(Date.now() + 1_200).toISOString();
  let asked = 0;
  connect({ token: () => `token-${++asked}` });
  await until(() => server.tokens.length === 1);
  server.expiresAt = null;
  await until(() => server.tokens.length === 2);
  expect(server.welcomes).toBe(2);
  expect(server.connections).toBe(1);
});

test('[O2] resumes after a lost connection with exactly the gap', async () => {
  const client = connect();
  const { seen } = notes(client, 'trip:t1');
  await until(() => seen.length === 1);
  server.publish('trip:t1');
  server.publish('trip:t1');
  await until(() => seen.length === 3);
  server.drop();
  server.publish('trip:t1');
  server.publish('trip:t1');
  await until(() => seen.length === 5);
  expect(seen).toEqual(['S0', 'L1', 'L2', 'L3', 'L4']);
  expect(server.received.filter((m) => m.type === 'subscribe').at(-1)).toMatchObject({ since: { epoch: 'e1', seq: 2 } });
});

test('[O1] a new epoch comes with a snapshot', async () => {
  const client = connect();
  const { seen } = notes(client, 'driver:d1');
  await until(() => seen.length === 1);
  server.publish('driver:d1');
  await until(() => seen.length === 2);
  server.restart('driver:d1', 'e2');
  server.publish('driver:d1');
  await until(() => seen.length === 3);
  server.publish('driver:d1');
  await until(() => seen.length === 4);
  expect(seen).toEqual(['S0', 'L1', 'S1', 'L2']);
});

test('[O3] a gap is noticed at the next message, and filled in order', async () => {
  const client = connect();
  const { seen } = notes(client, 'trip:t1');
  await until(() => seen.length === 1);
  server.publish('trip:t1');
  server.publish('trip:t1', true);
  server.publish('trip:t1', true);
  server.publish('trip:t1');
  await until(() => seen.length === 5);
  expect(seen).toEqual(['S0', 'L1', 'L2', 'L3', 'L4']);
  expect(server.count('subscribe')).toBe(2);
});

test('[O3] a marked gap is passed on and needs no repair', async () => {
  const client = connect();
  const { seen } = notes(client, 'trip:t1');
  await until(() => seen.length === 1);
  server.publish('trip:t1', true);
  server.publish('trip:t1', true);
  server.say({ type: 'conflated', feed: 'trip:t1', epoch: 'e1', from: 1, to: 2 });
  server.publish('trip:t1');
  await until(() => seen.length === 3);
  expect(seen).toEqual(['S0', 'C1-2', 'L3']);
  expect(server.count('subscribe')).toBe(1);
});

test('[O4] a heartbeat that is ahead shows a silent loss', async () => {
  const client = connect();
  const { seen } = notes(client, 'trip:t1');
  await until(() => seen.length === 1);
  server.publish('trip:t1', true);
  const heartbeat: ServerMessage = { type: 'heartbeat', at: new Date().toISOString(), feeds: [{ feed: 'trip:t1', epoch: 'e1', seq: 1 }] };
  server.say(heartbeat);
  await until(() => seen.length === 2);
  server.say(heartbeat);
  server.publish('trip:t1');
  await until(() => seen.length === 3);
  expect(seen).toEqual(['S0', 'L1', 'L2']);
  expect(server.count('subscribe')).toBe(2);
});

test('a gap the server cannot fill ends in a snapshot', async () => {
  const client = connect();
  const { seen } = notes(client, 'trip:t1');
  await until(() => seen.length === 1);
  server.publish('trip:t1', true);
  server.feed('trip:t1').ring.length = 0;
  server.publish('trip:t1');
  await until(() => seen.length === 2);
  expect(seen).toEqual(['S0', 'S2']);
  expect(server.received.filter((m) => m.type === 'subscribe').at(-1)).not.toHaveProperty('since');
});

test('what was seen is not shown twice', async () => {
  const client = connect();
  const { seen } = notes(client, 'trip:t1');
  await until(() => seen.length === 1);
  server.publish('trip:t1');
  const [first] = server.feed('trip:t1').ring;
  if (first !== undefined) server.say(first);
  server.publish('trip:t1');
  await until(() => seen.length === 3);
  expect(seen).toEqual(['S0', 'L1', 'L2']);
});

test('a second watch of a feed gets its own snapshot first, and leaving is per watch', async () => {
  const client = connect();
  const one = notes(client, 'trip:t1');
  await until(() => one.seen.length === 1);
  server.publish('trip:t1');
  const two = notes(client, 'trip:t1');
  await until(() => two.seen.length === 1);
  expect(two.seen).toEqual(['S1']);
  one.close();
  one.close();
  server.publish('trip:t1');
  await until(() => two.seen.length === 2);
  expect(server.count('unsubscribe')).toBe(0);
  two.close();
  await until(() => server.count('unsubscribe') === 1);
});

test('a refused feed is told by name and asked again after a reconnect', async () => {
  const client = connect();
  await until(() => client.state.status === 'open');
  server.deaf = true;
  const { seen } = notes(client, 'trip:nobody');
  await until(() => server.count('subscribe') === 1);
  const [question] = server.received.filter((m) => m.type === 'subscribe');
  server.say({ type: 'error', code: 'not_found', message: 'no such trip', ref: question?.ref });
  await until(() => seen.length === 1);
  expect(seen).toEqual(['not_found']);
  server.deaf = false;
  server.drop();
  await until(() => seen.length === 2);
  expect(seen).toEqual(['not_found', 'S0']);
});

test('the fleet comes whole again after a reconnect', async () => {
  const client = connect();
  let full = 0;
  const watch = client.watch('fleet', { positions: (m) => (full += m.full ? 1 : 0) });
  await until(() => full === 1);
  server.drop();
  await until(() => full === 2);
  watch.close();
  await until(() => server.count('unsubscribe') === 1);
});

test('a silent connection is pinged, then replaced', async () => {
  const client = connect({ timing: { ...FAST, ping: 20, silence: 60 } });
  await until(() => server.count('ping') > 2);
  expect(server.welcomes).toBe(1);
  // From now on nobody answers: swallow everything the server would say.
  const states: ConnectionState[] = [];
  client.onState((state) => states.push(state));
  server.mute();
  await until(() => server.welcomes >= 2);
  expect(states[0]).toMatchObject({ status: 'waiting', code: 'timeout' });
});

test('a draining server is left alone for as long as it asks, unless woken', async () => {
  const client = connect();
  await until(() => client.state.status === 'open');
  server.say({ type: 'error', code: 'draining', message: 'going away', retryAfter: 3_600 });
  server.close(1012, 'draining');
  await until(() => client.state.status === 'waiting');
  expect(client.state).toMatchObject({ code: 'draining', reason: 'going away' });
  client.wake();
  await until(() => client.state.status === 'open');
});

test('a handler that throws does not keep the message from the others', async () => {
  const client = connect();
  const seen: number[] = [];
  const uncaught: unknown[] = [];
  const listeners = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', (error) => uncaught.push(error));
  try {
    client.watch('trip:t1', {
      snapshot: () => {
        throw new Error('a bug in a handler');
      },
    });
    client.watch('trip:t1', { snapshot: (m) => seen.push(m.seq) });
    await until(() => seen.length > 0 && uncaught.length > 0);
  } finally {
    process.removeAllListeners('uncaughtException');
    for (const listener of listeners) process.on('uncaughtException', listener);
  }
  expect(uncaught[0]).toMatchObject({ message: 'a bug in a handler' });
});

test('unknown messages are left aside', async () => {
  const client = connect();
  const { seen } = notes(client, 'trip:t1');
  await until(() => seen.length === 1);
  server.say({ type: 'something-new', feed: 'trip:t1' });
  server.publish('trip:t1');
  await until(() => seen.length === 2);
  expect(client.state.status).toBe('open');
});
