import { onTestFinished } from 'vitest';
import { type ServerOptions, startServer, type TestServer } from './server.ts';

/** A server that does not outlive the test it is started in, however that ends. */
export async function serverForTest(options?: ServerOptions): Promise<TestServer> {
  const server = await startServer(options);
  onTestFinished(() => server.kill());
  return server;
}
