import type { EventPublished, Published } from '../core/effects.ts';
import type { Plan } from '../core/eta.ts';
import type { FeedPosition } from '../hub/ports.ts';

/** Messages kept per feed [O2]. */
const RING = 300;
const FIRST = 16;
const FIELDS = 9;

/**
 * The last messages of one feed. Positions are kept as numbers, not as objects: thousands of rings of objects would
 * keep the garbage collector busy with things that nearly always die unread. Events are few and kept as they are.
 */
export class FeedRing {
  #numbers = new Float64Array(FIRST * FIELDS);
  /** Beside each position its plan; an event stands here itself. */
  #others: (Plan | EventPublished | null)[] = new Array(FIRST).fill(null);
  #count = 0;
  #next = 0;
  /** Of the newest message; older epochs cannot be resumed from. */
  #epoch = '';
  #lastSeq = 0;
  #feed = '';
  #driverId = '';

  push(published: Published): void {
    if (published.epoch !== this.#epoch) {
      this.#count = 0;
      this.#next = 0;
      this.#epoch = published.epoch;
      this.#feed = published.feed;
    }
    if (this.#count === this.#others.length && this.#count < RING) this.#grow();
    const slot = this.#next;
    if (published.type === 'event') {
      this.#others[slot] = published;
    } else {
      const { fix, plan, now } = published;
      this.#driverId = published.driverId;
      this.#others[slot] = plan;
      const numbers = this.#numbers;
      const at = slot * FIELDS;
      numbers[at] = published.seq;
      numbers[at + 1] = fix.lat;
      numbers[at + 2] = fix.lng;
      numbers[at + 3] = fix.at;
      numbers[at + 4] = fix.speed ?? Number.NaN;
      numbers[at + 5] = fix.bearing ?? Number.NaN;
      numbers[at + 6] = fix.accuracy ?? Number.NaN;
      numbers[at + 7] = fix.altitude ?? Number.NaN;
      numbers[at + 8] = now;
    }
    this.#lastSeq = published.seq;
    this.#next = slot + 1 === this.#others.length && this.#others.length === RING ? 0 : slot + 1;
    if (this.#count < RING) this.#count++;
  }

  /** The newest message; null when there is none. */
  head(): FeedPosition | null {
    return this.#count === 0 ? null : { epoch: this.#epoch, seq: this.#lastSeq };
  }

  /** What followed this number; null when it is of another life or no longer held. */
  since(epoch: string, seq: number): Published[] | null {
    const missing = this.#lastSeq - seq;
    if (epoch !== this.#epoch || missing < 0 || missing > this.#count) return null;
    const messages: Published[] = [];
    for (let back = missing; back >= 1; back--) messages.push(this.#message((this.#next - back + RING) % RING));
    return messages;
  }

  #message(slot: number): Published {
    const other = this.#others[slot] ?? null;
    if (other !== null && 'type' in other) return other;
    const value = (field: number): number => this.#numbers[slot * FIELDS + field] as number;
    const orNull = (field: number): number | null => (Number.isNaN(value(field)) ? null : value(field));
    return {
      type: 'location',
      feed: this.#feed,
      epoch: this.#epoch,
      seq: value(0),
      driverId: this.#driverId,
      fix: { lat: value(1), lng: value(2), at: value(3), speed: orNull(4), bearing: orNull(5), accuracy: orNull(6), altitude: orNull(7) },
      plan: other,
      now: value(8),
    };
  }

  #grow(): void {
    const size = Math.min(RING, this.#others.length * 2);
    const numbers = new Float64Array(size * FIELDS);
    numbers.set(this.#numbers);
    this.#numbers = numbers;
    this.#others = [...this.#others, ...new Array<null>(size - this.#others.length).fill(null)];
  }
}
