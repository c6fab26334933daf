import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { expect, it } from 'vitest';
import { tokenOf } from './support/delivery.ts';
import { serverForTest } from './support/server-for-test.ts';

const EXAMPLE = fileURLToPath(new URL('../examples/delivery-tracking.mjs', import.meta.url));

it('examples/delivery-tracking.mjs delivers', async () => {
  const server = await serverForTest({ env: { MAX_PLAUSIBLE_SPEED_KMH: '0' } });
  const env = { PATH: process.env.PATH, WAYCAST_URL: server.url, RIDER: 'rider-5', TOKEN: tokenOf('rider', 'rider-5'), EVERY_MS: '100' };
  const { stdout } = await promisify(execFile)(process.execPath, [EXAMPLE], { env });
  const lines = stdout.trim().split('\n');
  expect(lines[0]).toMatch(/^session TRK-[A-Z2-7]{32} ASSIGNED$/);
  const seen = lines.filter((line) => /sees [A-Z]/.test(line)).map((line) => line.replace('customer sees ', ''));
  expect(seen).toEqual(['ASSIGNED', 'PICKED_UP', 'IN_TRANSIT', 'DELIVERED']);
  expect(lines).toContain('courier hears DELIVERED, ETA null');
  expect(lines.filter((line) => line.endsWith(' s to go')).length).toBeGreaterThanOrEqual(3);
});
