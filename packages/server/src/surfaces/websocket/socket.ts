import type { Duplex } from 'node:stream';
import type { ErrorCode } from '@waycast/protocol';
import type { WebSocket } from 'ws';
import type { Delivery } from '../../hub/delivery.ts';
import type { Codec } from './codec.ts';
import { Outflow } from './outflow.ts';

/** How the end of a connection is told in a dialect: a last message, then the close code and its reason. */
export interface Farewell {
  readonly message: object | null;
  readonly code: number;
  readonly reason: string;
}

export interface SocketParts {
  readonly codec: Codec;
  readonly now: () => number;
  /** Of a client that may follow the fleet: what it gets who missed some of it. */
  readonly wholeFleet?: () => Delivery;
  readonly farewell: (code: ErrorCode, more: { readonly retryAfter?: number }) => Farewell;
  readonly onMessage: (data: Buffer, isBinary: boolean) => void;
  /** It showed life, by a message or by an answer to a ping. */
  readonly onAlive?: () => void;
  /** Nothing comes or goes any more; called once. The socket itself may still be saying good-bye. */
  readonly onEnd: () => void;
}

/** One WebSocket with what every dialect needs of it: signs of life, a way out that never fills up, named ends. */
export class Socket {
  readonly openedAt: number;
  heardAt: number;
  pinged = false;
  /** Without a sign-in by then it is closed, epoch ms; null once somebody is there. */
  signInBy: number | null = null;
  /** When the token behind it ends, epoch ms; null: never. */
  expiresAt: number | null = null;
  readonly #ws: WebSocket;
  readonly #raw: Duplex & { bytesWritten?: number };
  readonly #parts: SocketParts;
  readonly #out: Outflow;
  #ended = false;
  #closed = false;
  readonly #whenClosed: (() => void)[] = [];
  /** How much it had taken when it was last looked at while slow, and when that last grew. */
  #taken = { bytes: -1, at: 0 };

  constructor(ws: WebSocket, raw: Duplex, parts: SocketParts) {
    this.#ws = ws;
    this.#raw = raw;
    this.#parts = parts;
    this.#out = new Outflow(raw, {
      codec: parts.codec,
      giveUp: () => this.close('slow_consumer'),
      ...(parts.wholeFleet && { wholeFleet: parts.wholeFleet }),
    });
    this.openedAt = parts.now();
    this.heardAt = this.openedAt;
    ws.on('message', (data, isBinary) => {
      if (this.#ended) return;
      this.alive();
      parts.onMessage(data as Buffer, isBinary);
    });
    ws.on('pong', () => this.alive());
    ws.on('ping', () => this.alive());
    // What is wrong with a frame (size, encoding, reserved bits) closes it with the code RFC 6455 has for it.
    ws.on('error', () => undefined);
    ws.on('close', () => {
      this.#end();
      this.#closed = true;
      for (const tell of this.#whenClosed.splice(0)) tell();
    });
  }

  /** Whether its end has begun. */
  get ended(): boolean {
    return this.#ended;
  }

  get slow(): boolean {
    return this.#out.slow;
  }

  /** Once nothing of it is left. */
  onClosed(tell: () => void): void {
    if (this.#closed) tell();
    else this.#whenClosed.push(tell);
  }

  /** An answer: never held back. */
  send(message: object): void {
    if (!this.#ended) this.#out.send(message);
  }

  deliver(delivery: Delivery): void {
    if (!this.#ended) this.#out.deliver(delivery);
  }

  alive(): void {
    this.heardAt = this.#parts.now();
    this.pinged = false;
    this.#parts.onAlive?.();
  }

  ping(): void {
    this.pinged = true;
    if (this.#ws.readyState === this.#ws.OPEN) this.#ws.ping();
  }

  /** Says why, in the words of its dialect, and closes; who does not even take that is cut off. */
  close(code: ErrorCode, more: { readonly retryAfter?: number } = {}): void {
    this.closeWith(this.#parts.farewell(code, more), code === 'slow_consumer');
  }

  closeWith({ message, code, reason }: Farewell, atOnce = false): void {
    if (this.#ended) return;
    if (message !== null) this.send(message);
    this.#out.flush();
    if (atOnce) this.#ws.terminate();
    else this.#ws.close(code, reason);
    this.#end();
  }

  /** Nobody is there any more. */
  cut(): void {
    this.#ws.terminate();
    this.#end();
  }

  /** Whether a slow one has taken nothing for so long, ms. */
  isStuck(now: number, forMs: number): boolean {
    const bytes = (this.#raw.bytesWritten ?? 0) - this.#raw.writableLength;
    if (bytes > this.#taken.bytes) {
      this.#taken = { bytes, at: now };
      return false;
    }
    return now - this.#taken.at >= forMs;
  }

  #end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#parts.onEnd();
  }
}
