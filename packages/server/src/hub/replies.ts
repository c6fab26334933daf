import { WaycastError } from '@waycast/protocol';
import type { Answer } from '../core/effects.ts';
import { firstNumberOf } from './home.ts';

interface Waiting {
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: WaycastError) => void;
  readonly timer: NodeJS.Timeout;
}

/** Those who wait for the outcome of a command. */
export class Replies {
  readonly #waiting = new Map<number, Waiting>();
  readonly #timeoutMs: number;
  #last: number;

  constructor(timeoutMs: number, home = 0) {
    this.#timeoutMs = timeoutMs;
    this.#last = firstNumberOf(home);
  }

  /**
   * Sends a command that carries the number it is given, and waits until its outcome is durable.
   * @throws WaycastError what the command was refused for; `storage_unavailable` after the timeout: repeating is safe [A5]
   */
  async ask<K extends Answer['kind']>(kind: K, send: (reply: number) => void): Promise<Extract<Answer, { kind: K }>> {
    const reply = ++this.#last;
    const answered = new Promise<Answer>((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#waiting.delete(reply);
        reject(new WaycastError('storage_unavailable', 'not stored in time; repeating is safe', { retryAfter: 5 }));
      }, this.#timeoutMs);
      this.#waiting.set(reply, { resolve, reject, timer });
    });
    try {
      send(reply);
    } catch (error) {
      this.#forget(reply);
      throw error;
    }
    const answer = await answered;
    if (answer.kind === 'error') throw new WaycastError(answer.code, answer.message, { field: answer.field });
    if (answer.kind !== kind) throw new WaycastError('internal', `asked for ${kind}, was answered ${answer.kind}`);
    return answer as Extract<Answer, { kind: K }>;
  }

  settle(answer: Answer): void {
    const waiting = this.#forget(answer.reply);
    waiting?.resolve(answer);
  }

  #forget(reply: number): Waiting | undefined {
    const waiting = this.#waiting.get(reply);
    if (waiting !== undefined) clearTimeout(waiting.timer);
    this.#waiting.delete(reply);
    return waiting;
  }
}
