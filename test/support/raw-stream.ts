import { once } from 'node:events';
import type { ClientMessage, ServerMessage } from '@waycast/protocol';
import { WebSocket } from 'ws';
import { until } from './until.ts';

type Of<T extends ServerMessage['type']> = Extract<ServerMessage, { type: T }>;

/**
 * A bare socket to `/v1/stream` for what the client library would never do: numbers of one's own, sending the same
 * twice, not reading. It keeps all it received and neither reconnects nor resends.
 */
export class RawStream {
  readonly messages: ServerMessage[] = [];
  readonly #socket: WebSocket;
  #closed: { code: number; reason: string } | undefined;

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.on('message', (data) => this.messages.push(JSON.parse(String(data)) as ServerMessage));
    socket.on('close', (code, reason) => {
      this.#closed = { code, reason: reason.toString() };
    });
    // What went wrong shows in `closed`.
    socket.on('error', () => undefined);
  }

  /** Resolves when the server said welcome. */
  static async connect(url: string, token: string): Promise<RawStream> {
    const socket = new WebSocket(`${url.replace('http', 'ws')}/v1/stream`, { headers: { authorization: `Bearer ${token}` } });
    const stream = new RawStream(socket);
    await once(socket, 'open');
    await stream.first('welcome');
    return stream;
  }

  /** How the server closed it; undefined while it is open. */
  get closed(): { code: number; reason: string } | undefined {
    return this.#closed;
  }

  send(message: ClientMessage): void {
    this.#socket.send(JSON.stringify(message));
  }

  all<T extends ServerMessage['type']>(type: T): Of<T>[] {
    return this.messages.filter((message): message is Of<T> => message.type === type);
  }

  /** The first message of a type that fits, waited for. */
  async first<T extends ServerMessage['type']>(type: T, fits: (message: Of<T>) => boolean = () => true, withinMs?: number): Promise<Of<T>> {
    const found = await until(
      () => this.all(type).find(fits) ?? this.#closed,
      (seen) => seen !== undefined,
      withinMs,
    );
    if (found === undefined || !('type' in found)) throw new Error(`closed (${JSON.stringify(found)}) before ${type} came`);
    return found;
  }

  /** Opens a numbering; answers its watermarks [A4]. */
  async open(stream: string, driver?: string): Promise<Of<'opened'>> {
    const ref = `open-${this.messages.length}`;
    this.send({ type: 'open', stream, ref, ...(driver !== undefined && { driver }) });
    return this.first('opened', (message) => message.ref === ref);
  }

  /** What the last `ack` of a stream calls stored. */
  stored(stream: string): number {
    return Math.max(0, ...this.all('ack').map((ack) => (ack.stream === stream ? ack.stored : 0)));
  }

  /** Takes nothing from the network any more, as a phone in a tunnel, until `resume`. */
  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Without a good-bye. Twice is fine. */
  cut(): void {
    this.#socket.terminate();
  }
}
