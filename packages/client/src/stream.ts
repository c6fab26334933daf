import type { ErrorCode, ErrorMessage, ServerMessage } from '@waycast/protocol';
import { ClientError } from './client-error.ts';
import { Connection, type Timing } from './connection.ts';
import type { ConnectionState } from './connection-state.ts';
import { emit } from './emit.ts';
import type { FeedHandlers, FleetHandlers, NumberedFeedName, Watch } from './handlers.ts';
import type { Lane } from './lane.ts';
import type { TokenSource } from './token.ts';
import { Watching } from './watching.ts';

export interface StreamOptions {
  /** where the server is, `http(s)://` or `ws(s)://`; a path before `/v1` is kept */
  url: string;
  /** a function is asked again at each reconnect and before the token expires */
  token: TokenSource;
  onState?: (state: ConnectionState) => void;
  /** errors that belong to no watch and no publisher */
  onError?: (error: ClientError) => void;
  /** ms; see `Timing` */
  timing?: Partial<Timing>;
}

const TIMING: Timing = { min: 500, max: 15_000, ping: 20_000, silence: 45_000, connect: 10_000 };
/** bytes; over it publishers wait, so that a slow line does not fill the memory */
const FULL = 1_000_000;
/** codes that only publishers cause, and can set right by sending again */
const ABOUT_FIXES: ReadonlySet<ErrorCode> = new Set(['rate_limited', 'out_of_window', 'storage_unavailable', 'stream_not_open']);

/**
 * One connection to `/v1/stream`, kept open over losses: watches feeds, and carries the fixes of any number of
 * `Publisher`s. It connects at once and ends with `close()`.
 */
export class StreamClient {
  readonly #connection: Connection;
  readonly #watching: Watching;
  readonly #lanes = new Map<string, Lane>();
  readonly #listeners = new Set<(state: ConnectionState) => void>();
  readonly #onError: ((error: ClientError) => void) | undefined;

  /** @throws TypeError when `url` is none */
  constructor(options: StreamOptions) {
    this.#onError = options.onError;
    if (options.onState !== undefined) this.#listeners.add(options.onState);
    this.#connection = new Connection(
      streamUrl(options.url),
      options.token,
      { ...TIMING, ...options.timing },
      {
        up: () => this.#up(),
        down: () => this.#down(),
        message: (message) => this.#message(message),
        state: (state) => this.#changed(state),
      },
    );
    this.#watching = new Watching((text) => this.#connection.send(text));
    this.#connection.connect();
  }

  get state(): ConnectionState {
    return this.#connection.state;
  }

  /** Tells every change of the connection; the returned function ends that. */
  onState(listener: (state: ConnectionState) => void): () => void {
    const own = (state: ConnectionState) => listener(state);
    this.#listeners.add(own);
    return () => this.#listeners.delete(own);
  }

  /** Follows the whole fleet, one trip or one driver, over reconnects, until the returned watch is closed. */
  watch(feed: 'fleet', handlers: FleetHandlers): Watch;
  watch(feed: NumberedFeedName, handlers: FeedHandlers): Watch;
  watch(feed: 'fleet' | NumberedFeedName, handlers: FleetHandlers | FeedHandlers): Watch {
    return feed === 'fleet'
      ? this.#watching.watchFleet(handlers as FleetHandlers)
      : this.#watching.watchFeed(feed, handlers as FeedHandlers);
  }

  /** Sends a fresh token on the open connection; rejects when the token function does. */
  refresh(): Promise<void> {
    return this.#connection.refresh();
  }

  /** Reconnects now instead of waiting on: for when a page is shown again or the network came back. */
  wake(): void {
    this.#connection.connect();
  }

  /** Ends the connection for good; watches and publishers stay silent. Twice is fine. */
  close(): void {
    this.#connection.close();
  }

  /** Whether a publisher may send: the connection is ready and does not lag behind. */
  get writable(): boolean {
    return this.state.status === 'open' && this.#connection.buffered < FULL;
  }

  /** For `Publisher`: sends raw text when the connection is ready; says whether it did. */
  send(text: string): boolean {
    return this.#connection.send(text);
  }

  /** For `Publisher`: answers about `lane.stream` go to this lane. The returned function ends that. */
  attach(lane: Lane): () => void {
    const { stream } = lane;
    this.#lanes.set(stream, lane);
    const { state } = this;
    if (state.status === 'open') lane.up();
    if (state.status === 'closed') lane.ended(new ClientError('closed', state.reason));
    return () => {
      if (this.#lanes.get(stream) === lane) this.#lanes.delete(stream);
    };
  }

  #up(): void {
    this.#watching.up();
    for (const lane of [...this.#lanes.values()]) lane.up();
  }

  #down(): void {
    this.#watching.down();
    for (const lane of [...this.#lanes.values()]) lane.down();
  }

  #changed(state: ConnectionState): void {
    for (const listener of this.#listeners) emit(listener, state);
    if (state.status !== 'closed') return;
    const error = new ClientError(state.code, state.reason);
    for (const lane of [...this.#lanes.values()]) lane.ended(error);
  }

  #message(message: ServerMessage): void {
    if (message.type === 'ack') this.#lanes.get(message.stream)?.acknowledged(message);
    else if (message.type === 'opened') this.#lanes.get(message.stream)?.opened(message);
    else if (message.type === 'error') this.#refused(message);
    else this.#watching.message(message);
  }

  #refused(message: ErrorMessage): void {
    if (this.#watching.refused(message)) return;
    const lanes = this.#lanesOf(message);
    // Without a driver a number says nothing when there are several it may belong to.
    const { seq: _, ...unnumbered } = message;
    const told = message.driver === undefined && lanes.length > 1 ? unnumbered : message;
    for (const lane of lanes) lane.refused(told);
    if (lanes.length > 0) return;
    emit(this.#onError, new ClientError(message.code, message.message, { field: message.field, retryAfter: message.retryAfter }));
  }

  /** An `open` carries its stream as `ref`; what is said about a fix names its driver, or may be meant for any of them. */
  #lanesOf(message: ErrorMessage): Lane[] {
    const opened = message.ref === undefined ? undefined : this.#lanes.get(message.ref);
    if (opened !== undefined) return [opened];
    const lanes = [...this.#lanes.values()];
    if (message.driver !== undefined) {
      const named = lanes.filter((lane) => lane.driver === message.driver);
      return named.length > 0 ? named : lanes.filter((lane) => lane.driver === undefined);
    }
    return ABOUT_FIXES.has(message.code) || (message.seq !== undefined && lanes.length === 1) ? lanes : [];
  }
}

function streamUrl(base: string): string {
  const url = new URL(base);
  url.protocol = url.protocol.replace('http', 'ws');
  url.pathname = `${url.pathname.replace(/\/+$/, '')}/v1/stream`;
  url.search = '';
  url.hash = '';
  return url.href;
}
