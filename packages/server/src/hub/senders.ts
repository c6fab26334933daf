import type { Remark } from '../core/effects.ts';
import { firstNumberOf } from './home.ts';

/** A connection that sends fixes and hears what became of them. Numbers are watermarks of one stream [A2]. */
export interface Sender {
  accepted(driverId: string, stream: string, upTo: number): void;
  stored(driverId: string, stream: string, upTo: number): void;
  remark(remark: Remark): void;
}

/** The senders connected to this process, by the number commands carry. */
export class Senders {
  readonly #senders = new Map<number, Sender>();
  #last: number;

  constructor(home = 0) {
    this.#last = firstNumberOf(home);
  }

  add(sender: Sender): number {
    this.#senders.set(++this.#last, sender);
    return this.#last;
  }

  remove(id: number): void {
    this.#senders.delete(id);
  }

  /** Undefined once it is gone: then nobody is there to be told. */
  get(id: number): Sender | undefined {
    return this.#senders.get(id);
  }
}
