import { LIMITS } from './limits.ts';

interface Entry {
  /** the fix as JSON members, without braces */
  readonly text: string;
  /** when it was published, ms on a monotonic clock */
  readonly at: number;
  /** the message it last went out with; 0 when it has to be sent */
  message: number;
}

/** What goes into one message: JSON objects, already numbered. */
export interface Parcel {
  first: number;
  parts: string[];
}

const ELSEWHERE = -1;

/**
 * The fixes a sender still answers for, numbered from 1 without holes: `base` is the lowest one held, `next` the number
 * the next one gets. A fix leaves only when the server stored it (`settle`) or when the queue is full (the oldest goes).
 */
export class FixQueue {
  readonly #capacity: number;
  #entries: Entry[] = [];
  #head = 0;
  #base = 1;
  #accepted = 0;
  #unsent = 0;
  /** no number below it is unsent */
  #cursor = 1;
  #messages = 0;

  constructor(capacity: number) {
    this.#capacity = Math.max(1, capacity);
  }

  get base(): number {
    return this.#base;
  }

  get next(): number {
    return this.#base + this.size;
  }

  get size(): number {
    return this.#entries.length - this.#head;
  }

  get unsent(): number {
    return this.#unsent;
  }

  /** how many were sent and are not known to have arrived */
  get unacknowledged(): number {
    const arrived = Math.max(0, Math.min(this.#accepted, this.next - 1) - this.#base + 1);
    return Math.max(0, this.size - this.#unsent - arrived);
  }

  /** Appends; says how many old ones had to go to make room (0 or 1). */
  push(text: string, at: number): number {
    const dropped = this.size >= this.#capacity ? 1 : 0;
    if (dropped > 0) this.#forget(1);
    this.#entries.push({ text, at, message: 0 });
    this.#unsent += 1;
    return dropped;
  }

  /** The fix with this number as JSON members, while it is held. */
  text(seq: number): string | undefined {
    return this.#entry(seq)?.text;
  }

  /** The lowest number that has to be sent, and when it was published. */
  first(): { seq: number; at: number } | undefined {
    if (this.#unsent === 0) return undefined;
    let seq = Math.max(this.#cursor, this.#base);
    let entry = this.#entry(seq);
    while (entry !== undefined && entry.message !== 0) entry = this.#entry(++seq);
    this.#cursor = seq;
    return entry === undefined ? undefined : { seq, at: entry.at };
  }

  /**
   * Takes unsent ones in order for one message: at most `count`, none from number `end` on, at most `bytes` of JSON.
   * One is taken even when it alone is larger.
   */
  take(count: number, end: number, bytes: number): Parcel {
    const parcel: Parcel = { first: this.first()?.seq ?? this.next, parts: [] };
    this.#messages += 1;
    let left = bytes;
    for (let seq = parcel.first; seq < Math.min(end, this.next) && parcel.parts.length < count; seq++) {
      const entry = this.#entry(seq);
      if (entry === undefined || entry.message !== 0) continue;
      const part = `{"seq":${seq},${entry.text}}`;
      left -= part.length + 1;
      if (left < 0 && parcel.parts.length > 0) break;
      parcel.parts.push(part);
      entry.message = this.#messages;
      this.#unsent -= 1;
    }
    return parcel;
  }

  /** All up to `stored` are durable or finally refused: they are forgotten. */
  settle(stored: number): void {
    this.#forget(Math.min(stored - this.#base + 1, this.size));
  }

  /** Up to where the server said that all arrived. */
  get accepted(): number {
    return this.#accepted;
  }

  /** All up to `accepted` arrived; a refusal of one of them is out of date. */
  accept(accepted: number): void {
    for (let seq = Math.max(this.#accepted + 1, this.#base); seq <= accepted; seq++) {
      const entry = this.#entry(seq);
      if (entry === undefined) break;
      this.#mark(entry, seq, ELSEWHERE);
    }
    this.#accepted = Math.max(this.#accepted, accepted);
  }

  /** A new connection: what the server has up to `accepted` need not be sent, all the rest has to be, again perhaps. */
  resume(accepted: number): void {
    this.#accepted = accepted;
    for (let seq = this.#base; seq < this.next; seq++) {
      const entry = this.#entry(seq);
      if (entry !== undefined) this.#mark(entry, seq, seq <= accepted ? ELSEWHERE : 0);
    }
  }

  /**
   * A retryable refusal of `seq`, or of everything on its way without one. A limit hits a message from some fix on, and
   * the server may name only the first: what followed in the same message is sent again too (it is harmless twice).
   */
  refuse(seq?: number): void {
    const from = Math.max(seq ?? this.#accepted + 1, this.#base);
    const message = this.#entry(from)?.message ?? 0;
    // Nothing was ever sent beyond the server's window.
    for (let n = from; n < Math.min(this.next, this.#base + LIMITS.window); n++) {
      const entry = this.#entry(n);
      const sibling = message !== ELSEWHERE && entry?.message === message;
      if (entry !== undefined && (seq === undefined || n === seq || sibling)) this.#mark(entry, n, 0);
    }
  }

  #entry(seq: number): Entry | undefined {
    return seq < this.#base ? undefined : this.#entries[this.#head + seq - this.#base];
  }

  #mark(entry: Entry, seq: number, message: number): void {
    if (entry.message !== 0 && message === 0) {
      this.#unsent += 1;
      this.#cursor = Math.min(this.#cursor, seq);
    } else if (entry.message === 0 && message !== 0) this.#unsent -= 1;
    entry.message = message;
  }

  #forget(count: number): void {
    for (let i = 0; i < count; i++) if (this.#entries[this.#head + i]?.message === 0) this.#unsent -= 1;
    if (count <= 0) return;
    this.#head += count;
    this.#base += count;
    // Shifting one by one would cost the length each time; this way each entry is moved at most once.
    if (this.#head > 1024 && this.#head * 2 > this.#entries.length) {
      this.#entries = this.#entries.slice(this.#head);
      this.#head = 0;
    }
  }
}
