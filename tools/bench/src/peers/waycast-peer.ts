import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { SignJWT } from 'jose';
import { V8_OPTIONS } from '../../../../scripts/setup.mjs';
import { ahead } from '../positions.ts';
import type { Peer, PlannedConnection } from './peer.ts';

const SECRET = randomBytes(32).toString('hex');
const AT_ONCE = 16;

/** Waycast itself, everything on. `cli` is its cli.js or cli.ts; `nodeArgs` go before it (`--cpu-prof`, say). */
export function waycast(cli: string, nodeArgs: string[] = []): Peer {
  return {
    name: 'waycast',
    label: 'Waycast',
    doesNot: 'nothing left out: tokens, validation, order, ETA of two stops, geofences, fsynced storage, watermarks; flood limit set to 0',
    mark: '"type":"location"',
    prefix: '',
    suffix: '',
    acknowledges: true,
    launch: (port, folder) => ({
      command: process.execPath,
      args: [...V8_OPTIONS, ...nodeArgs, cli, 'serve', '--port', String(port), '--data-dir', join(folder, 'data')],
      env: {
        JWT_SECRET_KEY: SECRET,
        LOCATION_UPDATE_RATE_LIMIT: '0',
        REST_RATE_LIMIT_PER_MINUTE: '100000000',
        LOG_LEVEL: 'warn',
        DRAIN_SECONDS: '2',
      },
    }),
    ready,
    plan,
  };
}

async function ready(port: number): Promise<void> {
  for (const end = Date.now() + 30_000; Date.now() < end; await pause(50)) {
    const answer = await fetch(`http://127.0.0.1:${port}/health/ready`, { signal: AbortSignal.timeout(2000) }).catch(() => undefined);
    await answer?.body?.cancel();
    if (answer?.status === 200) return;
  }
  throw new Error('Waycast was not ready within 30 s');
}

/** A token the launched server takes. */
export function sign(sub: string, role: string): Promise<string> {
  return new SignJWT({ role })
    .setProtectedHeader({ alg: 'HS256' })
    .setSubject(sub)
    .setExpirationTime('6h')
    .sign(new TextEncoder().encode(SECRET));
}

/** An open ride with a pickup 120-720 m ahead, so that geofence events come all the time, and a drop-off far beyond it. */
async function createTrip(port: number, token: string, driver: number): Promise<void> {
  const pickup = 120 + ((driver * 7919) % 1000) * 0.6;
  const answer = await fetch(`http://127.0.0.1:${port}/v1/trips`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({
      id: `t-${driver}`,
      kind: 'ride',
      driverId: `d-${driver}`,
      stops: [
        { type: 'pickup', partyId: `p-${driver}`, ...ahead(driver, pickup) },
        { type: 'dropoff', partyId: `p-${driver}`, ...ahead(driver, pickup + 8000) },
      ],
    }),
    signal: AbortSignal.timeout(15_000),
  });
  const body = await answer.text();
  if (answer.status !== 201) throw new Error(`trip t-${driver} was refused: ${answer.status} ${body.slice(0, 300)}`);
}

async function plan(port: number, drivers: number): Promise<PlannedConnection[]> {
  const admin = await sign('bench', 'admin');
  for (let from = 0; from < drivers; from += AT_ONCE) {
    const chunk = Array.from({ length: Math.min(AT_ONCE, drivers - from) }, (_, offset) => createTrip(port, admin, from + offset));
    await Promise.all(chunk);
  }
  const planned = Array.from(
    { length: drivers },
    async (_, i): Promise<PlannedConnection[]> => [
      {
        path: '/v1/stream',
        header: `Authorization: Bearer ${await sign(`d-${i}`, 'driver')}`,
        first: '{"type":"open","stream":"bench"}',
        marker: '"type":"opened"',
      },
      {
        path: '/v1/stream',
        header: `Authorization: Bearer ${await sign(`w-${i}`, 'dispatcher')}`,
        first: `{"type":"subscribe","feed":"trip:t-${i}"}`,
        marker: '"type":"snapshot"',
      },
    ],
  );
  return (await Promise.all(planned)).flat();
}
