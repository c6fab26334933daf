import { StreamClient, type StreamOptions } from '@waycast/client';
import { parseMoment } from '@waycast/protocol';
import type { Journal, SentFix } from '../oracle/journal.ts';

type Lane = Parameters<StreamClient['attach']>[0];

interface SentMessage {
  readonly type: string;
  readonly driver?: string;
  readonly base?: number;
  readonly seq?: number;
  readonly fixes?: readonly WireFix[];
}

interface WireFix extends Omit<SentFix, 'at'> {
  readonly seq?: number;
  readonly timestamp: number | string;
}

/**
 * The client library itself, with every fix written to a journal before it is sent and every answer as soon as it is
 * read: producers are real `Publisher`s on top of it, and what they say is checked from outside.
 */
export class JournalingClient extends StreamClient {
  readonly #journal: Journal;
  readonly #onAck: () => void;
  readonly #streams = new Map<string, string>();
  readonly #own: string;
  /** messages that went out */
  readonly sent = { fix: 0, fixes: 0 };

  /** `driver`: whose fixes they are when a message names nobody. */
  constructor(options: StreamOptions, journal: Journal, driver = '', onAck: () => void = () => {}) {
    super(options);
    this.#journal = journal;
    this.#own = driver;
    this.#onAck = onAck;
  }

  override send(text: string): boolean {
    if (text.startsWith('{"type":"fix')) this.#attempt(JSON.parse(text) as SentMessage & WireFix);
    return super.send(text);
  }

  override attach(lane: Lane): () => void {
    const driver = lane.driver ?? this.#own;
    const { stream } = lane;
    this.#streams.set(driver, stream);
    return super.attach({
      stream,
      driver: lane.driver,
      up: () => lane.up(),
      down: () => lane.down(),
      ended: (error) => lane.ended(error),
      opened: (message) => {
        this.#journal.ack({ type: 'watermark', driver, stream, accepted: message.accepted, stored: message.stored });
        lane.opened(message);
      },
      acknowledged: (message) => {
        const { accepted, stored, rejected } = message;
        this.#journal.ack({ type: 'watermark', driver, stream, accepted, stored, rejected });
        this.#onAck();
        lane.acknowledged(message);
      },
      refused: (message) => {
        const { seq, code } = message;
        if (seq !== undefined) this.#journal.ack({ type: 'refusal', driver, stream, seq, code });
        lane.refused(message);
      },
    });
  }

  #attempt(message: SentMessage & WireFix): void {
    const driver = message.driver ?? this.#own;
    const stream = this.#streams.get(driver);
    if (message.type === 'fixes') this.sent.fixes++;
    else this.sent.fix++;
    for (const { seq, timestamp, lat, lng, speed, bearing, accuracy, altitude } of message.fixes ?? [message]) {
      const fix: SentFix = { lat, lng, at: parseMoment(timestamp), speed, bearing, accuracy, altitude };
      this.#journal.attempt({ driver, fix, ...(seq !== undefined && { seq, stream, base: message.base }) });
    }
  }
}
