import { setTimeout as sleep } from 'node:timers/promises';
import type { Clock } from '../../hub/ports.ts';
import type { Socket } from './socket.ts';

const QUIET_MS = 30_000;
const SILENT_MS = 45_000;
const STUCK_MS = 30_000;
const CLOSE_SLICE = 100;
const CLOSE_SLICE_MS = 50;
const GOOD_BYE_MS = 1_000;

/** All WebSockets of this process, whatever they speak: watched over together, without timers of their own. */
export class Sockets {
  readonly #clock: Clock;
  readonly #sockets = new Set<Socket>();
  readonly #stop: () => void;

  constructor(clock: Clock) {
    this.#clock = clock;
    this.#stop = clock.every(1_000, () => this.#lookAfter());
  }

  get size(): number {
    return this.#sockets.size;
  }

  add(socket: Socket): void {
    this.#sockets.add(socket);
    socket.onClosed(() => this.#sockets.delete(socket));
  }

  /** Tells everybody to come back after a moment each, and closes in slices. */
  async drain(): Promise<void> {
    const all = [...this.#sockets];
    for (let i = 0; i < all.length; i += CLOSE_SLICE) {
      for (const socket of all.slice(i, i + CLOSE_SLICE)) socket.close('draining', { retryAfter: Math.round(5 + Math.random() * 45) / 10 });
      if (i + CLOSE_SLICE < all.length) await sleep(CLOSE_SLICE_MS);
    }
    // Whoever does not answer the good-bye is cut off; nobody may hold up the others' acknowledgements.
    const until = performance.now() + GOOD_BYE_MS;
    while (this.#sockets.size > 0 && performance.now() < until) await sleep(10);
    for (const socket of this.#sockets) socket.cut();
  }

  close(): void {
    this.#stop();
    for (const socket of this.#sockets) socket.cut();
  }

  /** One look a second at all of them [L6, L7, O7]. */
  #lookAfter(): void {
    const now = this.#clock.now();
    for (const socket of this.#sockets) {
      if (socket.ended) continue;
      if (socket.signInBy !== null && now >= socket.signInBy) socket.close('auth_timeout');
      else if (socket.expiresAt !== null && now >= socket.expiresAt) socket.close('token_expired');
      else if (now - socket.heardAt >= SILENT_MS) socket.cut();
      else if (socket.slow && socket.isStuck(now, STUCK_MS)) socket.close('slow_consumer');
      else if (now - socket.heardAt >= QUIET_MS && !socket.pinged) socket.ping();
    }
  }
}
