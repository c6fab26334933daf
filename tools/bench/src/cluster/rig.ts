import { mkdtempSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Cores, chooseCores } from '../cores.ts';
import { diskFolder } from '../machine.ts';
import { buildNative } from '../native.ts';
import { type Postgres, startPostgres } from '../services/postgres.ts';
import { type Redis, startRedis } from '../services/redis.ts';
import type { Ground } from './roads.ts';

/** What all sessions share: nothing is pinned, for there are more processes than cores. */
export interface ClusterRig {
  readonly cores: Cores;
  readonly generator: string;
  readonly scratch: string;
  readonly redis: Redis;
  readonly postgres: Postgres;
  /** An empty database, and Redis empty as well. */
  fresh(): Promise<Ground>;
  close(): Promise<void>;
}

/** A folder on a disk that goes when the bench ends. */
export function scratchFolder(wanted: string | undefined): string {
  const scratch = mkdtempSync(join(resolve(wanted ?? diskFolder()), 'waycast-bench-'));
  process.on('exit', () => rmSync(scratch, { recursive: true, force: true, maxRetries: 5 }));
  return scratch;
}

export async function openRig(scratch: string): Promise<ClusterRig> {
  const generator = buildNative('generator', scratch);
  if (generator === undefined) throw new Error('this needs gcc, for the generator');
  const redis = await startRedis(scratch);
  const postgres = await startPostgres(scratch);
  return {
    cores: chooseCores(),
    generator,
    scratch,
    redis,
    postgres,
    fresh: async () => {
      redis.empty();
      return { redisUrl: redis.url, databaseUrl: await postgres.newDatabase() };
    },
    close: async () => {
      await redis.stop();
      await postgres.stop();
    },
  };
}
