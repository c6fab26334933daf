import { StartupError } from '../../startup-error.ts';
import { Link } from './link.ts';
import { RedisConnection, type RedisHealth } from './redis-connection.ts';
import { parseRedisUrl, type RedisTarget } from './redis-url.ts';
import { missingRight } from './rights.ts';
import { isFinal, whyNot } from './why-not.ts';

export interface RedisOptions {
  /** REDIS_URL */
  readonly url: string;
  /** REDIS_PASSWORD; one in the URL goes before it. */
  readonly password?: string | undefined;
  /** Before every key and channel of ours; `waycast:` by default. */
  readonly prefix?: string | undefined;
  /** How long it may take to be reached at the start, ms. */
  readonly withinMs?: number | undefined;
  /** Told when Redis goes and when it is back. */
  readonly onHealth?: ((health: RedisHealth) => void) | undefined;
  readonly warn?: ((message: string) => void) | undefined;
}

const OLDEST = 7;
const WITHIN_MS = 5_000;

/**
 * Connects to Redis, or to the Cluster it belongs to.
 * @throws StartupError in one line that says what to do [P12]
 */
export async function openRedis({ url, password, prefix = 'waycast:', withinMs = WITHIN_MS, onHealth, warn }: RedisOptions) {
  const target = parseRedisUrl(url, password);
  const deadline = performance.now() + withinMs;
  const { cluster, evicts } = await examine(target, prefix, deadline);
  if (evicts !== null) warn?.(dangerOf(evicts));
  const connection = new RedisConnection(target, cluster, prefix);
  try {
    await reached(connection, target.tls, deadline);
  } catch (error) {
    connection.close();
    throw error;
  }
  let last = true;
  connection.onChange((health) => {
    if (health.ok === last) return;
    last = health.ok;
    onHealth?.(health);
  });
  return connection;
}

/** What kind of Redis this is, as the first node that answers says. */
async function examine(target: RedisTarget, prefix: string, deadline: number): Promise<{ cluster: boolean; evicts: string | null }> {
  const { nodes, tls, username, password, db } = target;
  const problems: string[] = [];
  const links: Link[] = [];
  const answer = Promise.withResolvers<{ readonly info: string; readonly link: Link }>();
  const failed = (problem: string): void => {
    problems.push(problem);
    if (isFinal(problem)) answer.reject(new StartupError(whyNot(problem, tls)));
  };
  for (const node of nodes) {
    const up = (link: Link): void => {
      void link.send([['INFO']]).then(([info]) => {
        if (typeof info === 'string') answer.resolve({ info, link });
        else failed(info instanceof Error ? info.message : 'no answer to INFO');
      });
    };
    links.push(new Link({ ...node, tls, username, password, db, name: 'waycast', takesLoading: true }, { up, failed }));
  }
  const timer = setTimeout(
    () => answer.reject(new StartupError(whyNot(problems[0] ?? links[0]?.problem ?? '', tls))),
    deadline - performance.now(),
  );
  try {
    const { info, link } = await answer.promise;
    const version = field(info, 'redis_version') ?? '';
    if (Number.parseInt(version, 10) < OLDEST) {
      throw new StartupError(`REDIS_URL: this is Redis ${version}; Waycast needs Redis ${OLDEST} or later`);
    }
    const cluster = nodes.length > 1 || field(info, 'cluster_enabled') === '1';
    if (cluster && field(info, 'cluster_enabled') !== '1') {
      throw new StartupError('REDIS_URL names several nodes, but they are no Redis Cluster; name one, or turn cluster-enabled on');
    }
    const missing = await missingRight(link, prefix, cluster);
    if (missing !== null) throw new StartupError(whyNot(missing, tls));
    const policy = field(info, 'maxmemory_policy') ?? 'noeviction';
    return { cluster, evicts: policy === 'noeviction' ? null : policy };
  } finally {
    clearTimeout(timer);
    for (const link of links) link.close();
  }
}

/** A line of what INFO answers. */
export function field(info: string, name: string): string | undefined {
  return new RegExp(`^${name}:(.*?)\\r?$`, 'm').exec(info)?.[1];
}

/** What may be lost under a policy that evicts, and what to do. */
export function dangerOf(policy: string): string {
  const what = policy.startsWith('volatile-') ? 'positions that other processes show' : 'fixes not yet stored';
  return `Redis may throw keys away when it is full (maxmemory-policy ${policy}), and with them ${what}: set maxmemory-policy noeviction`;
}

async function reached(connection: RedisConnection, tls: boolean, deadline: number): Promise<void> {
  if (connection.health().ok) return;
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(
      () => {
        stop();
        reject(new StartupError(whyNot(connection.health().problem ?? '', tls)));
      },
      Math.max(0, deadline - performance.now()),
    );
    const stop = connection.onChange(({ ok }) => {
      if (!ok) return;
      clearTimeout(timer);
      stop();
      resolve();
    });
  });
}
