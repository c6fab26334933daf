import { setTimeout as pause } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Launch, Peer } from '../peers/peer.ts';
import { socketIoRelay, wsRelay } from '../peers/relay-peers.ts';
import { waycast } from '../peers/waycast-peer.ts';
import { withClient } from '../services/postgres.ts';

const EVEN_WITHIN_MS = 30_000;

/** What all processes of a road share. */
export interface Ground {
  readonly redisUrl: string;
  readonly databaseUrl: string;
}

/** A peer of which several processes serve the same topics, over Redis. */
export interface Road {
  readonly peer: Peer;
  readonly doesNot: string;
  launch(port: number, folder: string, ground: Ground): Launch;
  /** Resolves when so many processes have come to share the work. */
  settled(ground: Ground, processes: number): Promise<void>;
}

const NO_WORK =
  'no tokens, validation, limits, ETA, geofences, events, acknowledgement; nothing is stored; what Redis or a socket loses is lost, nobody notices, nothing can be resumed';

function relay(peer: Peer, script: string, doesNot: string): Road {
  return {
    peer,
    doesNot,
    launch: (port, _folder, { redisUrl }) => ({
      command: process.execPath,
      args: [fileURLToPath(new URL(`relays/${script}`, import.meta.url)), String(port), redisUrl],
      env: {},
    }),
    settled: async () => undefined,
  };
}

export const wsRoad = relay(wsRelay, 'ws-redis.ts', `${NO_WORK}; does not read the message`);
export const socketIoRoad = relay(socketIoRelay, 'socketio-redis.ts', NO_WORK);

/** `cli` is Waycast's cli.js or cli.ts; `nodeArgs` go before it. */
export function waycastRoad(cli: string, nodeArgs: string[] = []): Road {
  const peer = waycast(cli, nodeArgs);
  return {
    peer,
    doesNot: 'nothing left out: what one process does, and every fix through a log that outlives it, stored in PostgreSQL with fsync',
    launch: (port, folder, { redisUrl, databaseUrl }) => {
      const { command, args, env } = peer.launch(port, folder);
      return { command, args, env: { ...env, REDIS_URL: redisUrl, DATABASE_URL: databaseUrl, TRUST_PROXY: 'true' } };
    },
    settled: ({ databaseUrl }, processes) => withClient(databaseUrl, (client) => evenly(() => client.query(SHARES), processes)),
  };
}

const SHARES = 'SELECT count(*)::int AS share FROM partition_cursor WHERE owner IS NOT NULL GROUP BY owner';

async function evenly(shares: () => Promise<{ rows: { share: number }[] }>, processes: number): Promise<void> {
  for (const end = Date.now() + EVEN_WITHIN_MS; Date.now() < end; await pause(100)) {
    const counts = (await shares()).rows.map(({ share }) => share);
    if (counts.length === processes && Math.max(...counts) - Math.min(...counts) <= 1) return;
  }
  throw new Error(`${processes} processes did not come to share the partitions evenly within ${EVEN_WITHIN_MS / 1000} s`);
}
