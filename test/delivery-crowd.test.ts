import { afterAll, beforeAll, expect, it } from 'vitest';
import { dialTracking, startSession, tokenOf } from './support/delivery.ts';
import { north } from './support/places.ts';
import { startServer, type TestServer } from './support/server.ts';

const SOCKETS = 100;
const UPDATES = 20;

let server: TestServer;

beforeAll(async () => {
  server = await startServer({ env: { REST_RATE_LIMIT_PER_MINUTE: '1000000', LOCATION_UPDATE_RATE_LIMIT: '0' } });
});

afterAll(() => server.stop());

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] as number;
}

it('one update reaches 100 sockets, each of them, in order, within 100 ms [Y20]', async () => {
  const { session, riderId } = await startSession(server);
  const watchers = await Promise.all(
    Array.from({ length: SOCKETS }, (_, i) => dialTracking(server, session.tracking_id, i % 2 ? tokenOf('customer', `c-${i}`) : undefined)),
  );
  await Promise.all(watchers.map((watcher) => watcher.next('initial_state')));
  const rider = await dialTracking(server, session.tracking_id, tokenOf('rider', riderId));
  await rider.next('initial_state');
  const took: number[] = [];
  for (let i = 1; i <= UPDATES; i++) {
    const since = performance.now();
    rider.send({ type: 'location_update', location: north(1_000 + i) });
    await Promise.all(watchers.map((watcher) => watcher.next('location_update')));
    took.push(performance.now() - since);
  }
  const expected = Array.from({ length: UPDATES }, (_, i) => north(1_001 + i).lat.toFixed(6));
  for (const watcher of watchers) {
    const got = watcher.all('location_update').map(({ data }) => data.current_location?.lat.toFixed(6));
    expect(got).toEqual(expected);
  }
  // The order of magnitude; the bench has the figures.
  expect(median(took)).toBeLessThan(100);
  await Promise.all([rider, ...watchers].map((peer) => peer.close()));
});

it('start, update, read and a socket message take the order of 50, 20, 10 and 5 ms [Y20]', async () => {
  const timed = async (work: () => Promise<unknown>): Promise<number> => {
    const since = performance.now();
    await work();
    return performance.now() - since;
  };
  const took = { start: [] as number[], update: [] as number[], read: [] as number[], message: [] as number[] };
  for (let i = 0; i < 30; i++) {
    let started: Awaited<ReturnType<typeof startSession>> | undefined;
    took.start.push(await timed(async () => (started = await startSession(server))));
    const { session, rider, riderId } = started as Awaited<ReturnType<typeof startSession>>;
    took.update.push(await timed(() => rider.post(`/tracking/update/${session.tracking_id}`, north(i))));
    took.read.push(await timed(() => rider.get(`/tracking/${session.tracking_id}`)));
    const peer = await dialTracking(server, session.tracking_id, tokenOf('rider', riderId));
    await peer.next('initial_state');
    took.message.push(
      await timed(async () => {
        peer.send({ type: 'location_update', location: north(i + 1) });
        await peer.next('location_update');
      }),
    );
    await peer.close();
  }
  expect(median(took.start)).toBeLessThan(150);
  expect(median(took.update)).toBeLessThan(60);
  expect(median(took.read)).toBeLessThan(30);
  expect(median(took.message)).toBeLessThan(15);
});
