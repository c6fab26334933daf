import { type ServerOptions, startProcess, type TestServer } from './server-process.ts';
import { shape } from './shape.ts';
import { startShaped } from './shaped-server.ts';

export { SECRET, type ServerOptions, type TestServer, tempDir } from './server-process.ts';

/**
 * Starts a server and waits until it serves: one process with its embedded database, or the shape the run of tests asks for.
 * Rejects with what it wrote when it ends instead.
 */
export function startServer(options: ServerOptions = {}): Promise<TestServer> {
  return shape() === 'embedded' ? startProcess(options) : startShaped(options);
}
