import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ClientMessage } from '@waycast/protocol';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type WebSocket, WebSocketServer } from 'ws';
import { replay } from './replay.ts';

interface Fix {
  seq: number;
  lat: number;
  timestamp: number;
}

let folder: string;
let server: WebSocketServer;
let url: string;
/** what came, in order, by driver */
let came: Map<string, Fix[]>;
/** final refusals, by number */
let refuse: Set<number>;
let token: string | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'waycast-replay-'));
  came = new Map();
  refuse = new Set();
  server = new WebSocketServer({ host: '127.0.0.1', port: 0 });
  await new Promise((resolve) => server.once('listening', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  server.on('connection', (socket) => {
    const streams = new Map<string, string>();
    socket.on('message', (data) => answer(socket, streams, JSON.parse(String(data)) as ClientMessage));
  });
});

afterEach(async () => {
  for (const socket of server.clients) socket.terminate();
  await new Promise((resolve) => server.close(resolve));
  await rm(folder, { recursive: true });
});

/** Takes everything, acknowledges it, refuses for good what a test says. */
function answer(socket: WebSocket, streams: Map<string, string>, message: ClientMessage): void {
  const say = (reply: object) => socket.send(JSON.stringify(reply));
  if (message.type === 'auth') {
    token = message.token;
    if (token === 'wrong') socket.close(4401, 'unauthenticated');
    else say({ type: 'welcome', sub: 's', role: 'service', expiresAt: null, heartbeat: 15 });
  }
  if (message.type === 'open') {
    streams.set(message.driver ?? '', message.stream);
    say({ type: 'opened', stream: message.stream, driver: message.driver, accepted: 0, stored: 0, ref: message.ref });
  }
  if (message.type !== 'fix' && message.type !== 'fixes') return;
  const driver = message.driver ?? '';
  const fixes = (message.type === 'fix' ? [message] : message.fixes) as Fix[];
  came.set(driver, [...(came.get(driver) ?? []), ...fixes]);
  const stored = Math.max(...fixes.map(({ seq }) => seq));
  const rejected = fixes.filter(({ seq }) => refuse.has(seq)).map(({ seq }) => ({ seq, code: 'conflict' }));
  say({ type: 'ack', driver, stream: streams.get(driver), accepted: stored, stored, rejected });
}

async function file(name: string, text: string): Promise<string> {
  const path = join(folder, name);
  await writeFile(path, text);
  return path;
}

const rows = (id: string, count: number) =>
  Array.from({ length: count }, (_, i) => `${41 + i / 1000},2,${1_700_000_000 + i},${id}`).join('\n');
const table = (...parts: string[]) => ['lat,lng,t,track', ...parts].join('\n');

test('sends each track as a driver, waits until all is stored, and reports', async () => {
  const path = await file('day.csv', table(rows('a', 250), rows('b', 3)));
  refuse = new Set([2]);
  const report = await replay({ files: [path], url, token: 'secret', speed: 'max' });
  expect(token).toBe('secret');
  expect(report).toMatchObject({ files: [path], skipped: 0, complete: true });
  expect(report.tracks[0]).toEqual({
    driver: 'replay-a',
    points: 250,
    sent: 250,
    stored: 249,
    rejected: 1,
    suspect: 0,
    first: '2023-11-14T22:13:20.000Z',
    last: '2023-11-14T22:17:29.000Z',
    km: 27.688,
  });
  expect(report.tracks[1]).toMatchObject({ driver: 'replay-b', points: 3, stored: 2 });
  const seen = came.get('replay-a') ?? [];
  expect(seen.map(({ seq }) => seq)).toEqual(Array.from({ length: 250 }, (_, i) => i + 1));
  expect(seen.map(({ timestamp }) => timestamp)).toEqual(Array.from({ length: 250 }, (_, i) => (1_700_000_000 + i) * 1000));
});

test('shuffled and doubled, the same points come', async () => {
  const path = await file('day.csv', table(rows('a', 120)));
  const report = await replay({ files: [path], url, token: 'secret', speed: 'max', shuffle: 5, double: true });
  expect(report.tracks[0]).toMatchObject({ points: 120, sent: 120, stored: 120 });
  const seen = came.get('replay-a') ?? [];
  expect(seen).toHaveLength(240);
  const bySeq = new Map(seen.map((fix) => [fix.seq, fix.timestamp]));
  for (const { seq, timestamp } of seen) expect(bySeq.get(seq)).toBe(timestamp);
  const times = [...bySeq.values()];
  expect(times.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 120 }, (_, i) => (1_700_000_000 + i) * 1000));
  expect(times).not.toEqual(times.toSorted((a, b) => a - b));
});

test('files of different kinds go together; a track that goes on in another file is one', async () => {
  const one = await file('one.csv', table(rows('a', 2)));
  const two = await file('two.csv', table('42,2,1600000000,a'));
  const three = await file(
    'three.gpx',
    '<gpx><trk><trkseg><trkpt lat="1" lon="2"><time>2024-05-01T10:00:00Z</time></trkpt></trkseg></trk></gpx>',
  );
  const { tracks } = await replay({ files: [one, two, three], url, token: 'secret', speed: 'max', driverPrefix: 'x-' });
  expect(tracks.map(({ driver, points, first }) => [driver, points, first])).toEqual([
    ['x-a', 3, '2020-09-13T12:26:40.000Z'],
    ['x-three-1', 1, '2024-05-01T10:00:00.000Z'],
  ]);
});

test('a bad row stops it before anything is sent, or is left out', async () => {
  const path = await file('day.csv', table('x,2,1700000000,a', rows('a', 2)));
  await expect(replay({ files: [path], url, token: 'secret', speed: 'max' })).rejects.toThrow(`${path}:2: lat 'x' is no number`);
  expect(came.size).toBe(0);
  const told: string[] = [];
  const report = await replay({ files: [path], url, token: 'secret', speed: 'max', skipBad: true, log: (line) => told.push(line) });
  expect(report).toMatchObject({ skipped: 1, tracks: [{ points: 2, stored: 2 }] });
  expect(told[0]).toContain("lat 'x' is no number");
});

test('a token the server refuses ends it by name', async () => {
  const path = await file('day.csv', table(rows('a', 3)));
  await expect(replay({ files: [path], url, token: 'wrong' })).rejects.toMatchObject({ code: 'unauthenticated' });
});

test('the signal ends it early, with a report', async () => {
  const path = await file('day.csv', table(rows('a', 1_000)));
  const stop = new AbortController();
  const running = replay({ files: [path], url, token: 'secret', speed: 1, signal: stop.signal });
  while (!came.has('replay-a')) await new Promise((resolve) => setImmediate(resolve));
  stop.abort();
  const report = await running;
  expect(report.complete).toBe(false);
  expect(report.tracks[0]?.sent).toBeLessThan(10);
});

test('at its own speed points come one by one, at their time', async () => {
  const path = await file('day.csv', table(rows('a', 4)));
  const before = Date.now();
  const { seconds } = await replay({ files: [path], url, token: 'secret', speed: 10, shiftToNow: true });
  expect(seconds).toBeGreaterThan(0.29);
  for (const { timestamp } of came.get('replay-a') ?? []) expect(timestamp).toBeLessThanOrEqual(Date.now());
  expect(came.get('replay-a')?.at(-1)?.timestamp).toBeGreaterThan(before);
});
