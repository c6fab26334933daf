import { afterAll, beforeAll, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { ConnectionList } from '../packages/protocol/src/index.ts';
import { type FleetScene, fleetScene, place } from './support/fleet-scene.ts';
import { caller } from './support/rest.ts';
import { startServer, type TestServer } from './support/server.ts';
import { until } from './support/until.ts';

let server: TestServer;
let scene: FleetScene;

beforeAll(async () => {
  server = await startServer({ env: { REST_RATE_LIMIT_PER_MINUTE: '1000000', LOCATION_UPDATE_RATE_LIMIT: '0' } });
  scene = await fleetScene(server);
});

afterAll(() => server.stop());

async function isOpen(subject: string): Promise<boolean> {
  const admin = caller(server, await server.token('admin'));
  return (await admin.get(`/v1/connections?subject=${subject}&open=true`)).as(ConnectionList).connections.length > 0;
}

/** Signs in by hand over polling, and polls no more. */
async function pollOnce(token: string): Promise<void> {
  const path = `${server.url}/socket.io/?EIO=4&transport=polling`;
  const { sid } = JSON.parse((await (await fetch(path)).text()).slice(1)) as { sid: string };
  await fetch(`${path}&sid=${sid}`, { method: 'POST', body: `40${JSON.stringify({ token })}` });
  expect(await (await fetch(`${path}&sid=${sid}`)).text()).toContain('40{');
}

/** Signs in by hand over WebSocket, and answers no ping. */
async function deaf(token: string): Promise<WebSocket> {
  const ws = new WebSocket(`${server.url.replace('http', 'ws')}/socket.io/?EIO=4&transport=websocket`);
  await new Promise((resolve) => ws.once('open', resolve));
  ws.send(`40${JSON.stringify({ token })}`);
  return ws;
}

/** Answers no ping; nor does the other one poll any more. */
async function showNoLife(): Promise<void> {
  const since = performance.now();
  const ws = await deaf(await server.token('driver', 'deaf'));
  await pollOnce(await server.token('driver', 'gone'));
  await until(
    () => isOpen('gone'),
    (open) => open,
  );
  const ended = async (subject: string) => {
    await until(
      () => isOpen(subject),
      (open) => !open,
      60_000,
    );
    return (performance.now() - since) / 1000;
  };
  for (const seconds of await Promise.all([ended('deaf'), ended('gone')])) {
    expect(seconds).toBeGreaterThan(35);
    expect(seconds).toBeLessThan(60);
  }
  ws.terminate();
}

/** Reads nothing while more comes than may wait. */
async function takeNothing(): Promise<void> {
  const trips = await Promise.all(Array.from({ length: 20 }, () => scene.trip('busy', 'stuck')));
  const car = await scene.driver('busy', { transport: 'websocket' });
  const stuck = await scene.rider('stuck', { transport: 'websocket' });
  for (const tripId of trips) await stuck.ask('rider:subscribe', { driverId: 'busy', tripId });
  (stuck.socket.io.engine.transport as unknown as { ws: { _socket: { pause(): void } } }).ws._socket.pause();
  const since = performance.now();
  for (let n = 0; n < 1_600; n += 4) {
    for (let k = 0; k < 3; k++) car.emit('driver:location', place((n + k) % 90));
    await car.ask('driver:location', place((n + 3) % 90));
  }
  await until(
    () => isOpen('stuck'),
    (open) => !open,
    60_000,
  );
  const seconds = (performance.now() - since) / 1000;
  expect(seconds).toBeGreaterThan(29);
  expect(seconds).toBeLessThan(60);
}

it('ends who shows no life for 45 s, and who takes nothing for 30 s while more waits; keeps the others [K13 L7]', {
  timeout: 90_000,
}, async () => {
  const [alive, polling] = [await scene.driver('alive'), await scene.rider('polling', { transport: 'polling' })];
  // Side by side: each waits for a clock of the server's own.
  await Promise.all([showNoLife(), takeNothing()]);
  expect(await alive.ask('driver:location', place(0))).toMatchObject({ ok: true });
  expect(polling.socket.connected).toBe(true);
});
