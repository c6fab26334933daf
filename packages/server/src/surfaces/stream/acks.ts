import type { AckMessage, ErrorCode } from '@waycast/protocol';
import type { Suspicion } from '../../core/plausibility.ts';

/** Between two watermarks of one numbering, ms [A2]. */
export const ACK_EVERY_MS = 1_000;

/** What is known of one numbering and was not yet said. */
export class Ack {
  readonly driver: string;
  readonly stream: string;
  accepted = 0;
  stored = 0;
  #saidAt = Number.NEGATIVE_INFINITY;
  #rejected: { seq: number; code: ErrorCode; message: string }[] = [];
  #suspect: { seq: number; reason: Suspicion }[] = [];

  constructor(driver: string, stream: string) {
    this.driver = driver;
    this.stream = stream;
  }

  reject(seq: number, code: ErrorCode, message: string): void {
    this.#rejected.push({ seq, code, message });
  }

  suspect(seq: number, reason: Suspicion): void {
    this.#suspect.push({ seq, reason });
  }

  isDue(now: number): boolean {
    return now - this.#saidAt >= ACK_EVERY_MS;
  }

  /** The message that says it all; afterwards nothing is unsaid. */
  say(now: number): AckMessage {
    const { driver, stream, accepted, stored } = this;
    const message: AckMessage = { type: 'ack', driver, stream, accepted, stored };
    if (this.#rejected.length > 0) message.rejected = this.#rejected;
    if (this.#suspect.length > 0) message.suspect = this.#suspect;
    this.#saidAt = now;
    this.#rejected = [];
    this.#suspect = [];
    return message;
  }
}
