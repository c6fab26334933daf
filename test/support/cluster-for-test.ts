import { onTestFinished } from 'vitest';
import { type Cluster, type ClusterOptions, startCluster } from './cluster.ts';
import type { TestServer } from './server.ts';

/** Two processes that share evenly by now, and do not outlive the test they are started in, however that ends. */
export async function clusterForTest(options?: ClusterOptions): Promise<{ cluster: Cluster; a: TestServer; b: TestServer }> {
  const cluster = await startCluster(options);
  onTestFinished(() => cluster.stop());
  await cluster.settled();
  const [a, b] = cluster.servers as [TestServer, TestServer];
  return { cluster, a, b };
}
