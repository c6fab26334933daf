import { rmSync } from 'node:fs';
import { startCluster } from './cluster.ts';
import { type ServerOptions, startProcess, type TestServer, tempDir } from './server-process.ts';
import { newDatabase, type TestDatabase } from './services/postgres.ts';
import { startRedis, type TestRedis } from './services/redis.ts';
import { shape } from './shape.ts';

interface Ground {
  readonly database: TestDatabase;
  readonly redis: TestRedis | undefined;
}

/** What a data folder stands for in the other shapes: who starts with it again finds the same data. */
const grounds = new Map<string, Promise<Ground>>();

/** A server of the shape this run of tests asks for. */
export async function startShaped(options: ServerOptions): Promise<TestServer> {
  const dataDir = options.dataDir ?? tempDir();
  const ground = grounds.get(dataDir) ?? newGround();
  grounds.set(dataDir, ground);
  const { database, redis } = await ground;
  const cleanUp = async (): Promise<void> => {
    if (options.dataDir !== undefined) return;
    grounds.delete(dataDir);
    await redis?.stop();
    await database.drop();
    rmSync(dataDir, { recursive: true, force: true });
  };
  const server = await startOn({ ...options, dataDir }, database.url, redis?.url);
  return {
    ...server,
    dataDir,
    stop: async () => {
      const end = await server.stop();
      await cleanUp();
      return end;
    },
  };
}

async function newGround(): Promise<Ground> {
  return { database: await newDatabase(), redis: shape() === 'cluster' ? await startRedis() : undefined };
}

async function startOn(options: ServerOptions, databaseUrl: string, redisUrl: string | undefined): Promise<TestServer> {
  if (redisUrl === undefined) return startProcess({ ...options, env: { DATABASE_URL: databaseUrl, ...options.env } });
  const { dataDir, env, args, port } = options;
  const cluster = await startCluster({
    database: { url: databaseUrl },
    redis: { url: redisUrl },
    ...(dataDir !== undefined && { dataDir }),
    ...(env !== undefined && { env }),
    ...(args !== undefined && { args }),
    ...(port !== undefined && { port }),
  });
  // A test that asks for something at once is not to wait for the second process to have its share.
  await cluster.settled();
  return cluster.entry;
}
