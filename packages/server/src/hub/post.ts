import type { Answer, Remark } from '../core/effects.ts';
import type { Delivery, Telling } from './delivery.ts';
import { homeFeed, homeOf } from './home.ts';
import type { Bus } from './ports.ts';
import type { Replies } from './replies.ts';
import type { Senders } from './senders.ts';
import type { Watcher } from './watchers.ts';

/** Brings what became of a command to whoever sent it, on whichever process it came in. */
export class Post implements Watcher {
  readonly #home: number;
  readonly #bus: Bus;
  readonly #senders: Senders;
  readonly #replies: Replies;

  constructor(parts: { readonly home: number; readonly bus: Bus; readonly senders: Senders; readonly replies: Replies }) {
    this.#home = parts.home;
    this.#bus = parts.bus;
    this.#senders = parts.senders;
    this.#replies = parts.replies;
  }

  /** Watermarks of a stream [A2]. */
  accepted(sender: number, driverId: string, stream: string, upTo: number): void {
    if (sender === 0) return;
    if (homeOf(sender) === this.#home) this.#senders.get(sender)?.accepted(driverId, stream, upTo);
    else this.#send(sender, { kind: 'accepted', sender, driverId, stream, upTo });
  }

  stored(sender: number, driverId: string, stream: string, upTo: number): void {
    if (sender === 0) return;
    if (homeOf(sender) === this.#home) this.#senders.get(sender)?.stored(driverId, stream, upTo);
    else this.#send(sender, { kind: 'stored', sender, driverId, stream, upTo });
  }

  remark(remark: Remark): void {
    if (remark.sender === 0) return;
    if (homeOf(remark.sender) === this.#home) this.#senders.get(remark.sender)?.remark(remark);
    else this.#send(remark.sender, { kind: 'remark', remark });
  }

  answer(answer: Answer): void {
    if (answer.reply === 0) return;
    if (homeOf(answer.reply) === this.#home) this.#replies.settle(answer);
    else this.#send(answer.reply, { kind: 'answer', answer });
  }

  /** What another process has for somebody here. */
  deliver(delivery: Delivery): void {
    if (delivery.type !== 'telling') return;
    const { telling } = delivery;
    switch (telling.kind) {
      case 'accepted':
        this.accepted(telling.sender, telling.driverId, telling.stream, telling.upTo);
        break;
      case 'stored':
        this.stored(telling.sender, telling.driverId, telling.stream, telling.upTo);
        break;
      case 'remark':
        this.remark(telling.remark);
        break;
      case 'answer':
        this.answer(telling.answer);
        break;
    }
  }

  #send(number: number, telling: Telling): void {
    this.#bus.publish({ type: 'telling', feed: homeFeed(homeOf(number)), telling });
  }
}
