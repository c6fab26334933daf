import { execFileSync } from 'node:child_process';
import { stablePort } from '../port.ts';
import { until } from '../until.ts';
import { startRedis, type TestRedis } from './redis.ts';

const NODE_TIMEOUT_MS = 1_000;
const FIRST_OUTGOING_PORT = 32_768;

/** Three masters, each with a replica. */
export interface TestRedisCluster {
  /** All nodes, with commas between. */
  readonly url: string;
  readonly nodes: readonly TestRedis[];
  /** The node that serves this key now. */
  masterOf(key: string): Promise<TestRedis>;
  stop(): Promise<void>;
}

export async function startRedisCluster(): Promise<TestRedisCluster> {
  const args = ['--cluster-enabled', 'yes', '--cluster-config-file', 'nodes.conf', '--cluster-node-timeout', String(NODE_TIMEOUT_MS)];
  // A replica that was lately connected may take over, however small the timeout is.
  args.push('--cluster-replica-validity-factor', '0', '--repl-diskless-sync-delay', '0');
  const ports = await portsWithBus(6);
  const started = await Promise.allSettled(ports.map((port) => startRedis({ port, args })));
  const nodes = started.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const stop = async (): Promise<void> => {
    await Promise.all(nodes.map((node) => node.stop()));
  };
  try {
    for (const one of started) if (one.status === 'rejected') throw one.reason;
    const addresses = nodes.map(({ port }) => `127.0.0.1:${port}`);
    execFileSync('redis-cli', ['--cluster', 'create', ...addresses, '--cluster-replicas', '1', '--cluster-yes'], { stdio: 'pipe' });
    await until(
      async () => Promise.all(nodes.map((node) => isWhole(node))),
      (whole) => whole.every(Boolean),
    );
  } catch (error) {
    await stop();
    throw error;
  }
  return {
    url: nodes.map(({ port }) => `redis://127.0.0.1:${port}`).join(','),
    nodes,
    stop,
    masterOf: async (key) => {
      for (const node of nodes) if (await serves(node, key)) return node;
      throw new Error(`nobody serves ${key}`);
    },
  };
}

/** Nodes talk to each other 10,000 ports above: that must not be where the system takes ports for outgoing connections. */
async function portsWithBus(count: number): Promise<number[]> {
  const ports = new Set<number>();
  while (ports.size < count) {
    const port = await stablePort();
    if (port + 10_000 < FIRST_OUTGOING_PORT) ports.add(port);
  }
  return [...ports];
}

async function isWhole(node: TestRedis): Promise<boolean> {
  const info = await node.client().cluster('INFO');
  const replication = await node.client().info('replication');
  const follows = !replication.includes('role:slave') || replication.includes('master_link_status:up');
  return info.includes('cluster_state:ok') && info.includes('cluster_known_nodes:6') && follows;
}

async function isMaster(node: TestRedis): Promise<boolean> {
  return (await node.client().info('replication')).includes('role:master');
}

async function serves(node: TestRedis, key: string): Promise<boolean> {
  if (!(await isMaster(node))) return false;
  try {
    await node.client().exists(key);
    return true;
  } catch (error) {
    if (error instanceof Error && error.message.startsWith('MOVED')) return false;
    throw error;
  }
}
