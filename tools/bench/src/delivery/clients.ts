import { Agent, request } from 'node:http';
import { WebSocket } from 'ws';

const AT_ONCE = 50;
/** Sooner than the server closes a connection that nobody uses, which may cross with a call. */
const IDLE_MS = 20_000;

/** REST over kept connections, as a service would. */
export class Calls {
  readonly #agent = new Agent({ keepAlive: true, maxSockets: AT_ONCE, timeout: IDLE_MS });
  readonly #port: number;

  constructor(port: number) {
    this.#port = port;
  }

  /** The body of a 200, or what else is right; ms it took. */
  call(method: string, path: string, token: string | null, body?: object, right = 200): Promise<{ body: string; ms: number }> {
    const since = performance.now();
    const headers = {
      ...(token !== null && { authorization: `Bearer ${token}` }),
      ...(body !== undefined && { 'content-type': 'application/json' }),
    };
    return new Promise((resolve, reject) => {
      const asked = request({ host: '127.0.0.1', port: this.#port, method, path, headers, agent: this.#agent }, (answer) => {
        let text = '';
        answer.setEncoding('utf8').on('data', (chunk: string) => {
          text += chunk;
        });
        answer.once('end', () => {
          if (answer.statusCode === right) resolve({ body: text, ms: performance.now() - since });
          else reject(new Error(`${method} ${path}: ${answer.statusCode} ${text.slice(0, 300)}`));
        });
      });
      asked.once('error', reject);
      asked.end(body === undefined ? undefined : JSON.stringify(body));
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** All of them, some at a time. */
export async function some<T, R>(all: readonly T[], work: (one: T, index: number) => Promise<R>): Promise<R[]> {
  const done: R[] = [];
  for (let from = 0; from < all.length; from += AT_ONCE)
    done.push(...(await Promise.all(all.slice(from, from + AT_ONCE).map((one, index) => work(one, from + index)))));
  return done;
}

/** An open socket; `heard` is told of every message with the time it came. */
export interface Watcher {
  socket: WebSocket;
  heard: (text: string, at: number) => void;
}

export function connect(port: number, path: string): Promise<Watcher> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { perMessageDeflate: false });
  const watcher: Watcher = { socket, heard: () => undefined };
  socket.on('message', (data) => watcher.heard(String(data), performance.now()));
  return new Promise((resolve, reject) => {
    socket.once('open', () => resolve(watcher)).once('error', reject);
  });
}
