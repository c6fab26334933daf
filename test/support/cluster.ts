import pg from 'pg';
import { partitionOf } from '../../packages/server/src/hub/partition.ts';
import { PARTITIONS } from '../../packages/server/src/hub/ports.ts';
import { startProcess, type TestServer, tempDir } from './server-process.ts';
import { startNginx, type TestNginx } from './services/nginx.ts';
import { newDatabase } from './services/postgres.ts';
import { startRedis } from './services/redis.ts';
import type { SignToken } from './token-keys.ts';
import { until } from './until.ts';

/** The locks that say who owns what, by their first key: of a process as a member, of a partition. */
const MEMBER = 7_231_902;
const PARTITION = 7_231_903;

export interface ClusterOptions {
  /** How many; 2 by default. */
  readonly processes?: number;
  /** Whether nginx stands in front; it does by default. */
  readonly nginx?: boolean;
  readonly env?: Readonly<Record<string, string>>;
  /** Somebody else's, who ends them; by default the cluster has its own. */
  readonly redis?: { readonly url: string };
  readonly database?: { readonly url: string };
  /** As of a single server; the port is nginx's. */
  readonly dataDir?: string;
  readonly args?: readonly string[];
  readonly port?: number;
  readonly token?: SignToken;
}

/** Several processes that serve one fleet, on a database and a Redis of their own. */
export interface Cluster {
  /** Where clients come in: nginx; the first process without it. */
  readonly entry: TestServer;
  /** Those that were started, in order, dead ones included. */
  readonly servers: readonly TestServer[];
  readonly redisUrl: string;
  readonly databaseUrl: string;
  readonly nginx: TestNginx | undefined;
  /** One more, once it serves; with these settings on top of those of the cluster. */
  join(more?: Readonly<Record<string, string>>): Promise<TestServer>;
  /** How many partitions each of these owns, as the locks in PostgreSQL say. */
  shares(): Promise<ReadonlyMap<TestServer, number>>;
  /** Waits until all partitions are owned, evenly, by these, and the cursors are theirs as well; all living ones by default. */
  settled(servers?: readonly TestServer[]): Promise<void>;
  /** Which of the servers owns the partition of this driver now. */
  ownerOf(driverId: string): Promise<TestServer>;
  /** An id, unused and with this prefix, of a driver whom this server owns. */
  driverOf(server: TestServer, prefix?: string): Promise<string>;
  /** A question to the database, asked past the servers. */
  query<Row extends pg.QueryResultRow>(text: string, values?: readonly unknown[]): Promise<Row[]>;
  /** Kills what lives and clears up. Twice is safe. */
  stop(): Promise<void>;
}

export async function startCluster(options: ClusterOptions = {}): Promise<Cluster> {
  const ownRedis = options.redis === undefined ? await startRedis() : undefined;
  const ownDatabase = options.database === undefined ? await newDatabase() : undefined;
  const redisUrl = (options.redis ?? ownRedis)?.url ?? '';
  const databaseUrl = (options.database ?? ownDatabase)?.url ?? '';
  const dataDir = options.dataDir ?? tempDir();
  const env = { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl, TRUST_PROXY: 'true', ...options.env };
  const servers: TestServer[] = [];
  const gone = new Set<TestServer>();
  const { args, token } = options;
  const start = async (more: Readonly<Record<string, string>> = {}): Promise<TestServer> => {
    const own = { dataDir, env: { ...env, ...more }, ...(args !== undefined && { args }), ...(token !== undefined && { token }) };
    const server = watchEnd(await startProcess(own), gone);
    servers.push(server);
    return server;
  };
  const client = new pg.Pool({ connectionString: databaseUrl, max: 2 });
  client.on('error', () => undefined);
  let nginx: TestNginx | undefined;
  let stopped: Promise<void> | undefined;
  const stop = async (): Promise<void> => {
    await Promise.all(servers.filter((server) => !gone.has(server)).map((server) => server.kill()));
    await nginx?.stop();
    await client.end();
    await ownRedis?.stop();
    await ownDatabase?.drop();
  };
  const stopOnce = (): Promise<void> => {
    stopped ??= stop();
    return stopped;
  };
  try {
    const starts = await Promise.allSettled(Array.from({ length: options.processes ?? 2 }, () => start()));
    const failed = starts.find((one) => one.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
    if (options.nginx !== false)
      nginx = await startNginx(
        servers.map(({ port }) => port),
        options.port,
      );
  } catch (error) {
    await stopOnce();
    throw error;
  }
  const query = async <Row extends pg.QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<Row[]> =>
    (await client.query<Row>(text, [...values])).rows;
  const owners = new Owners(servers, query);
  return {
    entry: entryOf(servers, nginx, stopOnce),
    servers,
    redisUrl,
    databaseUrl,
    nginx,
    query,
    join: async (more) => {
      const server = await start(more);
      await nginx?.serve(servers.filter((one) => !gone.has(one)).map(({ port }) => port));
      return server;
    },
    shares: () => owners.shares(),
    settled: (some) => owners.settled(some ?? servers.filter((one) => !gone.has(one))),
    ownerOf: (driverId) => owners.ownerOf(driverId),
    driverOf: (server, prefix) => owners.driverOf(server, prefix),
    stop: stopOnce,
  };
}

/** Notes that a server has ended, by whom ever it is ended. */
function watchEnd(server: TestServer, gone: Set<TestServer>): TestServer {
  const watched: TestServer = {
    ...server,
    stop: () => {
      gone.add(watched);
      return server.stop();
    },
    kill: () => {
      gone.add(watched);
      return server.kill();
    },
  };
  return watched;
}

/** All of them as one server, as clients see them. */
function entryOf(servers: readonly TestServer[], nginx: TestNginx | undefined, stop: () => Promise<void>): TestServer {
  const first = servers[0];
  if (first === undefined) throw new Error('a cluster needs a process');
  return {
    url: nginx?.url ?? first.url,
    port: nginx?.port ?? first.port,
    dataDir: first.dataDir,
    pid: first.pid,
    token: first.token,
    output: () => servers.map((server) => server.output()).join('\n'),
    stop: async () => {
      const ends = await Promise.all(servers.map((server) => server.stop()));
      await stop();
      return { code: ends.find(({ code }) => code !== 0)?.code ?? 0 };
    },
    kill: stop,
  };
}

/** Who owns which partition, read from PostgreSQL itself. */
class Owners {
  readonly #servers: readonly TestServer[];
  readonly #query: Cluster['query'];
  #made = 0;

  constructor(servers: readonly TestServer[], query: Cluster['query']) {
    this.#servers = servers;
    this.#query = query;
  }

  /** The process ids of the owners that hold a partition's lock and its cursor. */
  async #owners(): Promise<ReadonlyMap<number, number>> {
    const rows = await this.#query<{ partition: number; pid: string }>(
      `SELECT l.objid::int AS partition, substring(p.name FROM 'process (\\d+)') AS pid
       FROM pg_locks l JOIN pg_locks m ON m.pid = l.pid AND m.locktype = 'advisory' AND m.classid = $2 AND m.objsubid = 2 AND m.granted
       JOIN process p ON p.n = m.objid::bigint
       JOIN partition_cursor c ON c.partition = l.objid::int AND c.owner = p.n
       WHERE l.locktype = 'advisory' AND l.classid = $1 AND l.objsubid = 2 AND l.granted
         AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())`,
      [PARTITION, MEMBER],
    );
    return new Map(rows.map(({ partition, pid }) => [partition, Number(pid)]));
  }

  async shares(): Promise<ReadonlyMap<TestServer, number>> {
    const owners = [...(await this.#owners()).values()];
    return new Map(this.#servers.map((server) => [server, owners.filter((pid) => pid === server.pid).length]));
  }

  async settled(among: readonly TestServer[]): Promise<void> {
    await until(
      async () => {
        const shares = await this.shares();
        return among.map((server) => shares.get(server) ?? 0);
      },
      (counts) => counts.reduce((sum, count) => sum + count, 0) === PARTITIONS && Math.max(...counts) - Math.min(...counts) <= 1,
      30_000,
    );
  }

  async ownerOf(driverId: string): Promise<TestServer> {
    const partition = partitionOf(driverId);
    const pid = await until(
      async () => (await this.#owners()).get(partition),
      (found) => found !== undefined,
    );
    const owner = this.#servers.find((server) => server.pid === pid);
    if (owner === undefined) throw new Error(`partition ${partition} is owned by process ${pid}, which is none of these`);
    return owner;
  }

  async driverOf(server: TestServer, prefix = 'driver'): Promise<string> {
    const owners = await this.#owners();
    for (;;) {
      const id = `${prefix}-${this.#made++}`;
      if (owners.get(partitionOf(id)) === server.pid) return id;
      if (this.#made > 100_000) throw new Error('this server owns nothing');
    }
  }
}
