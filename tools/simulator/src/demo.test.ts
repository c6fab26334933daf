import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { runDemo } from './demo.ts';
import { StubServer } from './testing/stub-server.ts';

let server: StubServer;
let stop: AbortController;
let running: Promise<unknown>;
let told: string[];

beforeEach(async () => {
  server = new StubServer();
  await server.start();
  stop = new AbortController();
  told = [];
});

afterEach(async () => {
  stop.abort();
  await running;
  await server.stop();
  expect(server.problems).toEqual([]);
});

function start(vehicles: number): void {
  running = runDemo({ url: server.url, token: 'secret', vehicles, seed: 11, signal: stop.signal, log: (line) => told.push(line) });
}

const until = (check: () => boolean) =>
  vi.waitFor(
    () => {
      if (!check()) throw new Error('it never came true');
    },
    { timeout: 15_000, interval: 10 },
  );

test('everybody says who they are, moves and takes a trip; the first ones are already under way', async () => {
  start(10);
  await until(() => server.trips.size >= 8 && server.changes.filter(({ status }) => status === 'EN_ROUTE').length >= 4);
  expect(server.profiles.get('demo-car-1')).toEqual({ name: 'Car 1', vehicle: 'Car', plate: 'WC-001' });
  expect([server.available.get('demo-car-1'), server.available.get('demo-van-10')]).toEqual([true, false]);
  expect(new Set(server.fixes.map(({ driver }) => driver)).size).toBe(10);
  const kinds = new Set([...server.trips.values()].map(({ input }) => input.kind));
  expect([...kinds].sort()).toEqual(['delivery', 'ride']);
  for (const id of server.trips.keys()) expect(id).toMatch(/^demo-[0-9a-z]+-\d+$/);
}, 20_000);

test('one fix a vehicle and second, spread over the second', async () => {
  start(10);
  await until(() => server.fixes.length >= 40);
  const seen = server.fixes.filter(({ driver }) => driver === 'demo-car-1').map(({ at }) => at);
  expect(seen.length).toBeGreaterThanOrEqual(4);
  expect(seen.length).toBeLessThanOrEqual(5);
  const first = new Map<string, number>();
  for (const { driver, at } of server.fixes) if (!first.has(driver)) first.set(driver, at);
  // The later ones of the first second: the connection was there before them.
  const times = [...first.values()].sort((a, b) => a - b);
  expect((times.at(-1) ?? 0) - (times[0] ?? 0)).toBeGreaterThan(300);
}, 20_000);

test('what an earlier run left open is ended first', async () => {
  const input = { id: 'demo-old-1', kind: 'ride', driverId: 'demo-car-1', stops: [] } as const;
  server.trips.set('demo-old-1', { id: 'demo-old-1', input: { ...input, stops: [] }, status: 'IN_PROGRESS' });
  start(1);
  await until(() => server.trips.size === 2);
  expect(server.trips.get('demo-old-1')?.status).toBe('CANCELLED');
}, 20_000);

test('a restart of the server is survived: trips are looked up, and a lost one makes room for another', async () => {
  start(4);
  await until(() => server.trips.size === 4 && server.changes.length >= 2);
  await server.stop();
  const kept = [...server.trips.keys()].slice(0, 2);
  for (const id of server.trips.keys()) if (!kept.includes(id)) server.trips.delete(id);
  const before = server.fixes.length;
  await server.start();
  await until(() => kept.every((id) => server.asked.includes(`GET /v1/trips/${id}`)) && server.fixes.length > before + 8);
  await until(() => told.some((line) => line.includes('is gone')));
  for (const id of kept) expect(server.trips.get(id)?.status).not.toBe('CANCELLED');
}, 30_000);
