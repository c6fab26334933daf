import { type IncomingMessage, request } from 'node:http';
import type { Socket } from 'node:net';
import type { SendResult } from '../../hub/outbox/ports.ts';
import { connect, type Gate } from './connect.ts';

/** How much of an answer is kept, bytes, and how long its rest is waited for once its status is known, ms. */
const ANSWER_BYTES = 1_024;
const ANSWER_MS = 1_000;

export interface Post {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** null: anywhere. */
  readonly gate: Gate | null;
  readonly timeoutMs: number;
  readonly signal: AbortSignal;
}

/** One request on a connection of its own. Follows nothing. Never rejects: what went wrong is in the result. */
export async function post(what: Post): Promise<SendResult> {
  const began = performance.now();
  const duration = () => Math.round(performance.now() - began);
  const end = new AbortController();
  const stop = () => end.abort();
  let isLate = false;
  const timer = setTimeout(() => {
    isLate = true;
    stop();
  }, what.timeoutMs);
  // By hand: what would be made of both signals lives as long as the longer one.
  if (what.signal.aborted) stop();
  what.signal.addEventListener('abort', stop, { once: true });
  let socket: Socket | undefined;
  try {
    socket = await connect(what.url, what.gate, end.signal);
    const response = await answered(socket, what, end.signal);
    const answer = await beginningOf(response, end.signal);
    return { status: response.statusCode ?? null, error: null, answer, retryAfter: retryAfterOf(response), duration: duration() };
  } catch (error) {
    const message = isLate ? `no answer within ${what.timeoutMs / 1000} s` : (error as Error).message || String(error);
    return { status: null, error: message, answer: null, retryAfter: null, duration: duration() };
  } finally {
    clearTimeout(timer);
    what.signal.removeEventListener('abort', stop);
    socket?.destroy();
  }
}

function answered(socket: Socket, { url, headers, body }: Post, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const asked = request({
      createConnection: () => socket,
      method: 'POST',
      path: `${url.pathname}${url.search}`,
      headers: { host: url.host, 'content-type': 'application/json', 'content-length': Buffer.byteLength(body), ...headers },
      signal,
    });
    asked.on('error', reject);
    asked.once('close', () => reject(new Error('the connection was closed without an answer')));
    asked.once('response', resolve);
    asked.end(body);
  });
}

/** The first bytes of the body; what comes later, or never, changes nothing. */
async function beginningOf(response: IncomingMessage, signal: AbortSignal): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  const enough = new Promise<void>((resolve) => {
    const timer = setTimeout(resolve, ANSWER_MS);
    const done = () => {
      clearTimeout(timer);
      resolve();
    };
    response.on('data', (part: Buffer) => {
      parts.push(part);
      length += part.length;
      if (length >= ANSWER_BYTES) done();
    });
    response.once('end', done);
    // Cut off in the middle: the status was said all the same.
    response.on('error', done);
    signal.addEventListener('abort', done, { once: true });
  });
  await enough;
  response.destroy();
  return Buffer.concat(parts).subarray(0, ANSWER_BYTES).toString('utf8');
}

/** Seconds, or a date by the other side's words; null when it says neither. */
function retryAfterOf({ headers }: IncomingMessage): number | null {
  const said = headers['retry-after'];
  if (said === undefined) return null;
  if (/^\d{1,9}$/.test(said)) return Number(said);
  const date = Date.parse(said);
  return Number.isNaN(date) ? null : Math.max(0, Math.ceil((date - Date.now()) / 1000));
}
