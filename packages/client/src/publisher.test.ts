import fc from 'fast-check';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { Publisher } from './publisher.ts';
import type { PublisherOptions } from './publisher-options.ts';
import { StreamClient } from './stream.ts';
import { FakeServer } from './testing/fake-server.ts';
import { until } from './testing/until.ts';

const FAST = { min: 2, max: 10, connect: 2_000 };
let server: FakeServer;
const closers: (() => void)[] = [];

beforeEach(async () => {
  server = await FakeServer.start();
});

afterEach(async () => {
  for (const close of closers.splice(0)) close();
  await server.stop();
  expect(server.violations).toEqual([]);
});

function connect(): StreamClient {
  const client = new StreamClient({ url: server.url, token: 'secret', timing: FAST });
  closers.push(() => client.close());
  return client;
}

function publisher(options: PublisherOptions = {}, client = connect()): Publisher {
  const made = new Publisher(client, { driver: 'd1', ...options });
  closers.push(() => made.close());
  return made;
}

const fix = (n: number) => ({ lat: n / 1000, lng: 2, timestamp: 1_700_000_000_000 + n * 1000 });
const held = (p: Publisher) => [...(server.streams.get(p.stream)?.fixes.keys() ?? [])];
const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1);

test('[A2] publishes live fixes, numbered from 1, and forgets them when they are stored', async () => {
  const p = publisher();
  await until(() => server.count('open') === 1);
  expect(p.publish(fix(1))).toBe(1);
  await p.flush(2_000);
  expect(p.publish(fix(2))).toBe(2);
  await p.flush(2_000);
  expect([p.pending, p.stored]).toEqual([0, 2]);
  expect(server.received.filter((m) => m.type === 'fix').map((m) => m.seq)).toEqual([1, 2]);
  expect(server.count('fixes')).toBe(0);
});

test('what came while away goes as batches, in order', async () => {
  await server.stop();
  const p = publisher();
  for (let n = 1; n <= 250; n++) p.publish(fix(n));
  expect(p.pending).toBe(250);
  await server.listen();
  await p.flush(4_000);
  expect(held(p)).toEqual(upTo(250));
  expect(server.received.filter((m) => m.type === 'fixes').map((m) => m.fixes.length)).toEqual([100, 100, 50]);
});

test('above the live rate fixes go as batches', async () => {
  const p = publisher({ live: { interval: 1, burst: 2 } });
  await until(() => server.count('open') === 1);
  p.publish(fix(1));
  await p.flush(2_000);
  p.publish(fix(2));
  await p.flush(2_000);
  for (let n = 3; n <= 30; n++) p.publish(fix(n));
  await p.flush(2_000);
  expect(server.count('fix')).toBe(2);
  expect(server.count('fixes')).toBe(1);
  expect(held(p)).toEqual(upTo(30));
});

test('[A4] after a lost connection only what the server lacks is sent again', async () => {
  const p = publisher();
  await until(() => server.count('open') === 1);
  p.publish(fix(1));
  await p.flush(2_000);
  server.judge = () => 'mute';
  p.publish(fix(2));
  await until(() => held(p).length === 2);
  expect(p.pending).toBe(1);
  server.drop();
  await p.flush(2_000);
  expect(p.stored).toBe(2);
  expect(server.count('fix') + server.count('fixes')).toBe(2);
});

test('[A1] accepted is not stored: a crash in between costs nothing', async () => {
  server.commits = () => false;
  const p = publisher();
  for (let n = 1; n <= 30; n++) p.publish(fix(n));
  await until(() => held(p).length === 30);
  server.crash();
  expect(held(p)).toEqual([]);
  server.commits = () => true;
  await p.flush(2_000);
  expect(held(p)).toEqual(upTo(30));
});

test('a retryable refusal is sent again later, the rest is not', async () => {
  let refusals = 0;
  server.judge = (seq) => (seq > 60 && refusals++ < 40 ? 'rate_limited' : null);
  const p = publisher();
  for (let n = 1; n <= 150; n++) p.publish(fix(n));
  await p.flush(4_000);
  expect(held(p).sort((a, b) => a - b)).toEqual(upTo(150));
  expect(refusals).toBeGreaterThanOrEqual(40);
});

test('[A2] final refusals and suspects are told with their fix', async () => {
  const told: unknown[] = [];
  const p = publisher({
    onRejected: ({ seq, code, fix: of }) => told.push([seq, code, of?.lat]),
    onSuspect: ({ seq, reason }) => told.push([seq, reason]),
  });
  await until(() => server.count('open') === 1);
  server.judge = () => 'mute';
  p.publish(fix(1));
  p.publish(fix(2));
  p.publish(fix(3));
  await until(() => held(p).length === 3);
  const head = { type: 'ack', driver: 'd1', stream: p.stream };
  server.say({ ...head, accepted: 3, stored: 1, rejected: [{ seq: 2, code: 'conflict' }] });
  await until(() => p.pending === 2);
  server.say({ ...head, accepted: 3, stored: 3, suspect: [{ seq: 3, reason: 'teleport' }] });
  // Acks may cross: an old one changes nothing.
  server.say({ ...head, accepted: 1, stored: 1 });
  await p.flush(2_000);
  expect(told).toEqual([
    [2, 'conflict', 0.002],
    [3, 'teleport'],
  ]);
  expect(p.stored).toBe(3);
});

test('[A3] a full queue drops the oldest, counts them, and tells the server by base', async () => {
  await server.stop();
  const dropped: number[] = [];
  const p = publisher({ capacity: 10, onDropped: (n) => dropped.push(n) });
  for (let n = 1; n <= 14; n++) p.publish(fix(n));
  expect(dropped).toEqual([1, 2, 3, 4]);
  await server.listen();
  await p.flush(4_000);
  expect(held(p)).toEqual([5, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
  expect([p.dropped, p.stored, p.pending]).toEqual([4, 10, 0]);
  expect(server.received.find((m) => m.type === 'fixes')).toMatchObject({ base: 5 });
});

test('only a bounded window is on its way without an acknowledgement', async () => {
  server.judge = () => 'mute';
  const p = publisher({ window: 120, batch: 50 });
  for (let n = 1; n <= 500; n++) p.publish(fix(n));
  await until(() => held(p).length >= 120);
  expect(held(p)).toHaveLength(120);
  server.judge = () => null;
  server.drop();
  await p.flush(4_000);
  expect(held(p)).toHaveLength(500);
});

test('many drivers share one connection', async () => {
  const client = connect();
  const drivers = ['d1', 'd2', 'd3'].map((driver) => publisher({ driver }, client));
  for (let n = 1; n <= 20; n++) for (const p of drivers) p.publish(fix(n));
  await Promise.all(drivers.map((p) => p.flush(4_000)));
  for (const p of drivers) expect(held(p)).toEqual(upTo(20));
  expect(server.welcomes).toBe(1);
});

test('a refusal that names neither driver nor number is put right by all it may be meant for', async () => {
  const client = connect();
  server.judge = () => 'mute';
  const drivers = ['d1', 'd2'].map((driver) => publisher({ driver }, client));
  for (const p of drivers) p.publish(fix(1));
  await until(() => drivers.every((p) => held(p).length === 1));
  for (const p of drivers) server.streams.get(p.stream)?.fixes.clear();
  server.judge = () => null;
  server.say({ type: 'error', code: 'rate_limited', message: 'too fast', retryAfter: 0.01 });
  await Promise.all(drivers.map((p) => p.flush(2_000)));
  for (const p of drivers) expect(held(p)).toEqual([1]);
});

test('a stream name that was used before is given up, and nothing is taken for stored', async () => {
  server.streams.set('old', { fixes: new Map([[1, {}]]), accepted: 1, stored: 1 });
  const p = publisher({ stream: 'old' });
  p.publish(fix(1));
  p.publish(fix(2));
  await p.flush(2_000);
  expect(p.stream).not.toBe('old');
  expect(held(p)).toEqual([1, 2]);
});

test('a bad fix is refused here, by field, and takes no number', async () => {
  const p = publisher();
  expect(() => p.publish({ lat: 91, lng: 0 })).toThrow('lat must be a number from -90 to 90');
  expect(() => p.publish({ lat: Number.NaN, lng: 0 })).toThrow(expect.objectContaining({ code: 'invalid_fix', field: '/lat' }));
  expect(() => p.publish({ lat: 0, lng: 0, bearing: 360 })).toThrow('bearing must be below 360');
  expect(() => p.publish({ lat: 0, lng: 0, timestamp: '2024-01-01 10:00:00' })).toThrow('timestamp must be');
  expect(p.publish({ lat: 0, lng: 0, timestamp: '2024-01-01 10:00:00+02' })).toBe(1);
  await p.flush(2_000);
  expect(server.streams.get(p.stream)?.fixes.get(1)).toEqual({ lat: 0, lng: 0, timestamp: Date.UTC(2024, 0, 1, 8) });
});

test('what the server says it has lost is sent again, over the same connection', async () => {
  server.commits = () => false;
  const p = publisher();
  for (let n = 1; n <= 5; n++) p.publish(fix(n));
  await until(() => server.streams.get(p.stream)?.accepted === 5);
  server.lose();
  server.commits = () => true;
  server.say({ type: 'opened', driver: 'd1', stream: p.stream, accepted: 0, stored: 0 });
  await p.flush(2_000);
  expect(held(p)).toEqual([1, 2, 3, 4, 5]);
  expect(server.welcomes).toBe(1);
});

test('flush times out by name, and closing ends it', async () => {
  server.judge = () => 'mute';
  const p = publisher();
  p.publish(fix(1));
  await expect(p.flush(20)).rejects.toMatchObject({ code: 'timeout' });
  const waiting = p.flush();
  p.close();
  p.close();
  await expect(waiting).rejects.toMatchObject({ code: 'closed' });
  expect(() => p.publish(fix(2))).toThrow(expect.objectContaining({ code: 'closed' }));
});

test('copies sends everything so many times', async () => {
  const p = publisher({ copies: 2 });
  for (let n = 1; n <= 10; n++) p.publish(fix(n));
  await p.flush(2_000);
  const batches = server.received.filter((m) => m.type === 'fixes');
  expect(batches).toHaveLength(2);
  expect(batches[0]).toEqual(batches[1]);
});

/** What happens around one fix: it arrives, unheard or refused for now, before a cut or a crash, or without a commit. */
type Fate = 'fine' | 'mute' | 'limited' | 'cut' | 'crash' | 'slow';

test('over cut lines, lost acknowledgements and refusals every fix arrives, and none is forgotten before', async () => {
  const fate = fc.constantFrom<Fate>('fine', 'fine', 'slow', 'slow', 'mute', 'limited', 'cut', 'crash');
  await fc.assert(
    fc.asyncProperty(fc.array(fate, { minLength: 1, maxLength: 60 }), fc.integer({ min: 1, max: 12 }), async (fates, batch) => {
      const bad = await FakeServer.start();
      const client = new StreamClient({ url: bad.url, token: 'secret', timing: { min: 1, max: 3 } });
      // The first `fates.length` looks at a fix meet their fate; after that all is well.
      let look = 0;
      bad.judge = () => {
        const what = fates[look++] ?? 'fine';
        if (what === 'cut') setImmediate(() => bad.drop());
        if (what === 'crash') setImmediate(() => bad.crash());
        return what === 'fine' || what === 'slow' ? null : what === 'limited' ? 'rate_limited' : 'mute';
      };
      bad.commits = () => !['slow', 'crash'].includes(fates[look - 1] ?? 'fine');
      const count = fates.length;
      const p: Publisher = new Publisher(client, {
        driver: 'd1',
        batch,
        onStored: (stored) => {
          const arrived = bad.streams.get(p.stream)?.fixes;
          for (let seq = 1; seq <= stored; seq++) if (!arrived?.has(seq)) bad.violations.push(`${seq} was forgotten too early`);
        },
      });
      try {
        for (let n = 1; n <= count; n++) {
          p.publish(fix(n));
          if (n % 7 === 0) await new Promise((resolve) => setImmediate(resolve));
          if (fates[n - 1] === 'crash') bad.drop();
        }
        // Quiet swallowing is noticed only by a new connection, as in life; and the store comes round in the end.
        while (p.pending > 0) {
          await p.flush(40).catch(() => {
            bad.commits = () => true;
            bad.drop();
          });
        }
        const fixes = bad.streams.get(p.stream)?.fixes;
        expect([...(fixes?.keys() ?? [])].sort((a, b) => a - b)).toEqual(upTo(count));
        for (const [seq, got] of fixes ?? []) expect(got).toEqual(fix(seq));
        expect(bad.violations).toEqual([]);
      } finally {
        p.close();
        client.close();
        await bad.stop();
      }
    }),
    { numRuns: 25 },
  );
}, 30_000);
