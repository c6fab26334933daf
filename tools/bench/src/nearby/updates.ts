import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { WebSocket } from 'ws';
import type { Place } from './places.ts';

const TICK_MS = 2;
/** What may wait in one socket before the server counts as not keeping up. */
const PENDING_MAX = 4 << 20;
/** Some 10 m north, in degrees. */
const STEP = 0.000_1;

/** Drivers that move, told over a few sockets of a service: update n is of driver n, then all over again. */
export class Updates {
  sent = 0;
  /** refused by the server, or not sent because it took nothing */
  failed = 0;
  firstError = '';
  readonly #places: readonly Place[];
  readonly #sockets: WebSocket[];
  #stopping = false;

  private constructor(places: readonly Place[], sockets: WebSocket[]) {
    this.#places = places;
    this.#sockets = sockets;
    for (const socket of sockets) {
      socket.on('message', (data) => {
        const text = String(data);
        if (!text.startsWith('{"type":"error"')) return;
        this.failed++;
        this.firstError ||= text.slice(0, 300);
      });
    }
  }

  /** Sockets are spread over the ports. */
  static async open(ports: readonly number[], token: string, places: readonly Place[], sockets: number): Promise<Updates> {
    const headers = { authorization: `Bearer ${token}` };
    const opened = Array.from(
      { length: sockets },
      (_, i) => new WebSocket(`ws://127.0.0.1:${ports[i % ports.length]}/v1/stream`, { headers }),
    );
    await Promise.all(opened.map((socket) => once(socket, 'open')));
    return new Updates(places, opened);
  }

  /** Each due at its own moment, whatever happened to those before; resolves when `stop` was called or `count` are sent. */
  async run(rate: number, count = Number.POSITIVE_INFINITY): Promise<void> {
    const [start, before] = [performance.now(), this.sent];
    this.#stopping = false;
    while (!this.#stopping && this.sent - before < count) {
      const due = Math.min(count, ((performance.now() - start) * rate) / 1_000);
      while (this.sent - before < due) this.#send(this.sent++);
      await pause(TICK_MS);
    }
  }

  stop(): void {
    this.#stopping = true;
  }

  close(): void {
    for (const socket of this.#sockets) socket.close();
  }

  #send(n: number): void {
    const driver = n % this.#places.length;
    const socket = this.#sockets[driver % this.#sockets.length] as WebSocket;
    if (socket.readyState !== WebSocket.OPEN || socket.bufferedAmount > PENDING_MAX) {
      this.failed++;
      return;
    }
    const place = this.#places[driver] as Place;
    place.lat += STEP;
    socket.send(
      `{"type":"fix","driver":"d-${driver}","lat":${place.lat.toFixed(7)},"lng":${place.lng.toFixed(7)},"speed":36,"bearing":0,"accuracy":8}`,
    );
  }
}
