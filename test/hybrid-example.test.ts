import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { startServer } from './support/server.ts';

const SCRIPT = fileURLToPath(new URL('../examples/hybrid-phone.mjs', import.meta.url));

it('examples/hybrid-phone.mjs tells where a phone is, and its passenger reads how the ride stands [H1-H3]', async () => {
  const server = await startServer();
  const { stdout } = await promisify(execFile)(process.execPath, [SCRIPT], {
    env: {
      PATH: process.env.PATH,
      WAYCAST_URL: server.url,
      STAFF_TOKEN: await server.token('dispatcher'),
      DRIVER_TOKEN: await server.token('driver', 'car-7'),
      PASSENGER_TOKEN: await server.token('passenger', 'passenger-7'),
    },
    timeout: 30_000,
  });
  expect(stdout).toContain('passenger: Waiting for the driver to set off');
  expect(stdout).toContain('passenger: at 41.3817, 2.1649 with 36 km/h');
  expect(stdout).toMatch(/passenger: Your driver is on the way, there at \d{4}-/);
  expect(stdout).toContain('passenger: 1 message from the driver');
  await server.stop();
});
