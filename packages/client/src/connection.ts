import type { ErrorMessage, ServerMessage, WelcomeMessage } from '@waycast/protocol';
import { type Backoff, backoffDelay } from './backoff.ts';
import { ClientError, type ClientErrorCode } from './client-error.ts';
import type { ConnectionState } from './connection-state.ts';
import { closeLoss, type Loss } from './loss.ts';
import { openSocket, type Socket } from './socket.ts';
import { readToken, type TokenSource } from './token.ts';

/** All in ms. */
export interface Timing extends Backoff {
  /** without a message for so long a `ping` is sent */
  ping: number;
  /** without a message for so long the connection counts as dead */
  silence: number;
  /** from the first attempt to `welcome` */
  connect: number;
}

export interface ConnectionEvents {
  /** authenticated: a new connection is ready */
  up(): void;
  /** the connection that was ready is gone */
  down(): void;
  message(message: ServerMessage): void;
  state(state: ConnectionState): void;
}

const LONGEST_TIMEOUT = 2_147_483_647;
/** One socket after another: connects, authenticates, notices silence, and tries again after a loss. */
export class Connection {
  readonly #url: string;
  readonly #token: TokenSource;
  readonly #timing: Timing;
  readonly #events: ConnectionEvents;
  #state: ConnectionState = { status: 'connecting' };
  #socket: Socket | undefined;
  #drop: () => void = () => {};
  /** grows with every attempt, so that what an old one still does is told apart */
  #round = 0;
  #attempt = 0;
  #openedAt = 0;
  #heardAt = 0;
  #pingedAt = 0;
  #lastError: ErrorMessage | undefined;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #watchdog: ReturnType<typeof setTimeout> | undefined;
  #renewal: ReturnType<typeof setTimeout> | undefined;

  constructor(url: string, token: TokenSource, timing: Timing, events: ConnectionEvents) {
    this.#url = url;
    this.#token = token;
    this.#timing = timing;
    this.#events = events;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** bytes handed to the socket that did not leave yet */
  get buffered(): number {
    return this.#socket?.bufferedAmount ?? 0;
  }

  /** Connects now: the first time, or instead of waiting. */
  connect(): void {
    if (this.#socket !== undefined || this.#state.status === 'closed') return;
    clearTimeout(this.#retry);
    this.#round += 1;
    this.#lastError = undefined;
    this.#become({ status: 'connecting' });
    this.#heardAt = Date.now();
    this.#watch();
    void this.#open(this.#round);
  }

  /** Sends when the connection is ready; says whether it did. */
  send(text: string): boolean {
    if (this.#state.status !== 'open' || this.#socket?.readyState !== 1) return false;
    this.#socket.send(text);
    return true;
  }

  /** Sends a fresh token on the open connection. */
  async refresh(): Promise<void> {
    const round = this.#round;
    const token = await readToken(this.#token);
    if (round === this.#round) this.send(JSON.stringify({ type: 'auth', token }));
  }

  close(code: ClientErrorCode = 'closed', reason = 'closed by this client'): void {
    if (this.#state.status === 'closed') return;
    this.#end();
    this.#become({ status: 'closed', code, reason });
  }

  async #open(round: number): Promise<void> {
    let token: string;
    try {
      token = await readToken(this.#token);
    } catch (error) {
      if (round === this.#round) this.#lost(tokenLoss(error));
      return;
    }
    if (round !== this.#round) return;
    const { socket, drop } = openSocket(this.#url, {
      open: () => socket.send(JSON.stringify({ type: 'auth', token })),
      text: (data) => this.#heard(data),
      closed: (code, reason) => this.#lost(closeLoss(code, reason, this.#lastError, this.#state.status === 'open')),
    });
    this.#socket = socket;
    this.#drop = drop;
  }

  #heard(data: string): void {
    this.#heardAt = Date.now();
    let message: ServerMessage;
    try {
      message = JSON.parse(data) as ServerMessage;
    } catch {
      return;
    }
    if (message.type === 'welcome') this.#welcomed(message);
    if (message.type === 'error') this.#lastError = message;
    this.#events.message(message);
  }

  #welcomed({ sub, role, expiresAt }: WelcomeMessage): void {
    const first = this.#state.status !== 'open';
    if (first) this.#openedAt = Date.now();
    this.#become({ status: 'open', sub, role, expiresAt });
    this.#renewBefore(expiresAt);
    if (first) this.#events.up();
  }

  /** Only a function can give a fresh token; it is asked a minute before the old one ends, or at 4/5 of a short life. */
  #renewBefore(expiresAt: string | null): void {
    clearTimeout(this.#renewal);
    if (expiresAt === null || typeof this.#token !== 'function') return;
    const left = Date.parse(expiresAt) - Date.now();
    const delay = Math.max(left - 60_000, left * 0.8, 1_000);
    // A failure is no loss yet: the old token may go on for a while, and its end closes the connection by name.
    if (delay < LONGEST_TIMEOUT) this.#renewal = setTimeout(() => this.refresh().catch(() => {}), delay);
  }

  /** Runs while a connection is open or being opened. Late timers (a laptop that slept) find the silence at once. */
  #watch(): void {
    clearTimeout(this.#watchdog);
    const { ping, silence, connect } = this.#timing;
    const now = Date.now();
    const idle = now - this.#heardAt;
    const limit = this.#state.status === 'open' ? silence : connect;
    if (idle >= limit) {
      const reason = this.#state.status === 'open' ? 'the connection went silent' : 'no welcome came in time';
      this.#lost({ code: 'timeout', reason, retryAfter: 0, refused: false });
      return;
    }
    const quiet = now - Math.max(this.#heardAt, this.#pingedAt);
    if (quiet >= ping && this.send('{"type":"ping"}')) this.#pingedAt = now;
    const next = Math.min(limit - idle, quiet >= ping ? ping : ping - quiet);
    this.#watchdog = setTimeout(() => this.#watch(), Math.max(next, 1));
  }

  #lost({ code, reason, retryAfter, refused }: Loss): void {
    // A server that welcomes and then closes at once must not be asked in a tight loop.
    const lasted = this.#state.status === 'open' && Date.now() - this.#openedAt > this.#timing.max;
    this.#end();
    if (refused && typeof this.#token === 'string') this.#become({ status: 'closed', code, reason });
    else {
      if (lasted) this.#attempt = 0;
      const delay = retryAfter + backoffDelay(this.#attempt, this.#timing, Math.random());
      this.#attempt += 1;
      this.#become({ status: 'waiting', delay, code, reason });
      this.#retry = setTimeout(() => this.connect(), delay);
    }
  }

  #end(): void {
    const wasOpen = this.#state.status === 'open';
    this.#round += 1;
    clearTimeout(this.#retry);
    clearTimeout(this.#watchdog);
    clearTimeout(this.#renewal);
    this.#drop();
    this.#drop = () => {};
    this.#socket = undefined;
    // Whoever is told may look at the state: it must not say `open` any more.
    this.#state = { status: 'connecting' };
    if (wasOpen) this.#events.down();
  }

  #become(state: ConnectionState): void {
    this.#state = state;
    this.#events.state(state);
  }
}

function tokenLoss(error: unknown): Loss {
  const reason = error instanceof Error ? error.message : String(error);
  const code = error instanceof ClientError ? error.code : 'unauthenticated';
  return { code, reason: `no token: ${reason}`, retryAfter: 0, refused: false };
}
