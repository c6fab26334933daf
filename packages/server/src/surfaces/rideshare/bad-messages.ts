import { isRetryable, STREAM_LIMITS, WaycastError } from '@waycast/protocol';
import { refusal } from '../../dialects/rideshare/refusal.ts';
import type { Meter } from '../../hub/meter.ts';
import type { Socket } from '../websocket/socket.ts';

/** Names what is wrong with messages; the socket stays, unless it was the fiftieth in a row [L5]. */
export class BadMessages {
  readonly #socket: Socket;
  readonly #parts: { readonly meter: Meter; readonly broken: (error: unknown) => void };
  #inARow = 0;

  constructor(socket: Socket, parts: { readonly meter: Meter; readonly broken: (error: unknown) => void }) {
    this.#socket = socket;
    this.#parts = parts;
  }

  good(): void {
    this.#inARow = 0;
  }

  refuse(error: unknown): void {
    const { meter, broken } = this.#parts;
    if (!(error instanceof WaycastError)) {
      broken(error);
      this.#socket.send(refusal(new WaycastError('internal')));
      return;
    }
    meter.refused(error.code);
    this.#socket.send(refusal(error));
    if (!isRetryable(error.code) && ++this.#inARow >= STREAM_LIMITS.badMessages) this.#socket.close('too_many_bad_messages');
  }
}
