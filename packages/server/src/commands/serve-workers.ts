import { AggregatorRegistry } from 'prom-client';
import { secretsOf } from '../auth/secret.ts';
import type { Config } from '../config.ts';
import { listenAll, metricsListener } from '../http-servers.ts';
import { Primary } from '../workers/primary.ts';

/** Several processes on one machine: this one starts them, looks after them, and tells what they measure together. */
export async function serveWorkers(config: Config): Promise<void> {
  // One for all of them, before there are several to make it.
  secretsOf(config);
  const line = (message: string): void => void process.stderr.write(`waycast: ${message}\n`);
  const registry = new AggregatorRegistry();
  const all = { text: () => registry.clusterMetrics(), contentType: registry.contentType };
  const servers = config.metricsPort === undefined ? [] : await listenAll(config.host, [config.metricsPort], metricsListener(all));
  process.exitCode = await new Primary({ count: config.workers, info: line, warn: line }).run();
  for (const server of servers) server.close();
}
