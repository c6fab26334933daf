import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, it, onTestFinished } from 'vitest';
import { fleetScene } from './support/fleet-scene.ts';
import { CENTRE } from './support/places.ts';
import { serverForTest } from './support/server-for-test.ts';
import { until } from './support/until.ts';

/** An example as a reader would run it. */
function run(name: string, url: string, token: string, args: string[]) {
  const script = fileURLToPath(new URL(`../examples/${name}`, import.meta.url));
  const child = spawn(process.execPath, [script, ...args], { env: { PATH: process.env.PATH, WAYCAST_URL: url, WAYCAST_TOKEN: token } });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  return { output: () => output, ended: once(child, 'exit') as Promise<[number | null]> };
}

it('the fleet examples: a driver that sends until all is stored, a rider that follows to the end [K5 K8 K9]', async () => {
  const server = await serverForTest();
  const scene = await fleetScene(server);
  const tripId = await scene.trip('car-1', 'anna');
  const rider = run('fleet-rider.mjs', server.url, await server.token('passenger', 'anna'), ['car-1', tripId]);
  await until(rider.output, (text) => text.includes('PENDING, expected later'));
  const place = [String(CENTRE.lat - 0.02), String(CENTRE.lng)];
  const driver = run('fleet-driver.mjs', server.url, await server.token('driver', 'car-1'), place);
  expect(await driver.ended).toEqual([0, null]);
  expect(driver.output().match(/^stored /gm)).toHaveLength(5);
  await until(rider.output, (text) => (text.match(/^at 52\.4\d+ 13\.4, 40 km\/h$/gm) ?? []).length === 5);
  for (const status of ['EN_ROUTE', 'ARRIVED', 'IN_PROGRESS', 'COMPLETED']) await scene.move(tripId, status);
  expect(await rider.ended).toEqual([0, null]);
  expect(rider.output()).toMatch(/EN_ROUTE, expected 20\d\d-/);
  expect(rider.output()).toMatch(/COMPLETED, expected later\n$/);
  const stranger = run('fleet-rider.mjs', server.url, await server.token('passenger', 'bob'), ['car-1', tripId]);
  await stranger.ended;
  expect(stranger.output()).toContain('not_found');
  const nobody = run('fleet-driver.mjs', server.url, 'rubbish', place);
  expect(await nobody.ended).toEqual([1, null]);
  expect(nobody.output()).toContain('unauthenticated');
});
