import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { oldToken } from './support/rideshare.ts';
import { serverForTest } from './support/server-for-test.ts';

const SCRIPT = fileURLToPath(new URL('../examples/rideshare-ride.mjs', import.meta.url));

it('examples/rideshare-ride.mjs drives a ride, and its passenger sees it [R4 R8 R10 R11 R14]', async () => {
  const server = await serverForTest();
  const child = spawn(process.execPath, [SCRIPT], {
    env: {
      PATH: process.env.PATH,
      WAYCAST_URL: server.url,
      STAFF_TOKEN: await server.token('dispatcher'),
      DRIVER_TOKEN: oldToken('dana'),
      PASSENGER_TOKEN: oldToken('pia'),
      EVERY_MS: '20',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 30_000,
  });
  let said = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => (said += text));
  const [code] = await once(child, 'exit');
  expect(code, said).toBe(0);
  for (const line of [
    'passenger: Tracking connected',
    'driver: Tracking started, 1 watching',
    'passenger: the driver is connected',
    'passenger: approaching_pickup',
    'passenger: arrived_pickup',
    'passenger: approaching_destination',
    'passenger: arrived_destination',
  ])
    expect(said).toContain(line);
  // The last one may be stored a moment after it was heard of.
  expect(said).toMatch(/history: [67] positions, the last at /);
  expect(said).toMatch(/passenger: \d+\.?\d* km and \d+ s to go/);
});
