import { setTimeout as sleep } from 'node:timers/promises';
import type { Link, RedisArgs, RedisReply } from '../redis/link.ts';
import type { RedisConnection } from '../redis/redis-connection.ts';
import type { Lane } from './lane.ts';
import { idOf } from './positions.ts';

/** Of one partition at once. */
const MOST = 128;
/** So many characters one read of all partitions may bring: a command may be one fix or a thousand. */
const READ_CHARS = 16 * 1_024 * 1_024;
/** As large as any. */
const LARGEST_CHARS = 96 * 1_024;
const BLOCK_MS = 1_000;
/** Under load a read follows the one before after so long, with more in it: a read of all partitions costs the same with one entry as with fifty, ms. */
const PACE_MS = 5;
/** Before a read that was woken too early is woken again, and before one that failed is tried again, ms. */
const WAKE_AGAIN_MS = 2;
const RETRY_MS = 100;

/** Entries of one lane, as Redis has them: id, then the names and values of the fields. */
export type RawEntry = readonly [string, readonly string[] | null];

export interface ReaderEvents {
  /** What came of a lane that is still opened as it was when it was asked for. */
  readonly take: (batch: readonly { readonly lane: Lane; readonly entries: readonly RawEntry[] }[]) => void;
  /** It lost sight of its streams and has them again: they may have been wiped. */
  readonly back: () => void;
  /** Whether more may be read; when that changes `goOn` says so. */
  readonly mayGoOn: () => boolean;
  /** How many partitions are open, whichever reader reads them. */
  readonly open: () => number;
}

/** Reads streams of one node as they grow, on a connection of its own: every read waits until there is something. */
export class StreamReader {
  readonly #connection: RedisConnection;
  readonly #key: string;
  readonly #events: ReaderEvents;
  readonly #lanes = new Set<Lane>();
  #link: Link | undefined;
  #clientId: RedisReply = null;
  #reading = false;
  #waiting = false;
  /** How large the commands of the last read were; of those that have gathered meanwhile nothing is known. */
  #chars = LARGEST_CHARS;
  #closed = false;
  #timer: NodeJS.Timeout | undefined;

  /** @param key one of its streams, by which its node is found */
  constructor(connection: RedisConnection, key: string, events: ReaderEvents) {
    this.#connection = connection;
    this.#key = key;
    this.#events = events;
    this.#connect();
  }

  add(lane: Lane): void {
    this.#lanes.add(lane);
    if (this.#waiting) this.#wake();
    else this.#go();
  }

  /** What is read of it still is for nobody. */
  remove(lane: Lane): void {
    this.#lanes.delete(lane);
  }

  /** The slots of a Cluster have moved: perhaps these too. */
  moved(): void {
    if (this.#link !== undefined && this.#link.address === this.#connection.addressOf(this.#key)) return;
    this.#connect();
  }

  /** More may be read again. */
  goOn(): void {
    if (!this.#waiting) this.#go();
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
    this.#link?.close();
  }

  #connect(): void {
    this.#link?.close();
    this.#link = this.#connection.dial(this.#key, {
      up: (link) => {
        void link.send([['CLIENT', 'ID']]).then(([id]) => {
          this.#clientId = id ?? null;
          this.#events.back();
          this.#go();
        });
      },
    });
  }

  #go(): void {
    if (this.#reading || this.#closed || this.#lanes.size === 0 || !this.#link?.up || !this.#events.mayGoOn()) return;
    this.#reading = true;
    void this.#read(this.#link);
  }

  async #read(link: Link): Promise<void> {
    while (this.#lanes.size > 0 && link.up && link === this.#link && !this.#closed && this.#events.mayGoOn()) {
      const lanes = [...this.#lanes];
      const opened = lanes.map((lane) => lane.opened);
      const args: RedisArgs = ['XREAD', 'COUNT', this.#count(), 'BLOCK', BLOCK_MS, 'STREAMS'];
      const keys = lanes.map((lane) => lane.key);
      const ids = lanes.map((lane) => idOf(lane.cursor));
      const began = performance.now();
      this.#waiting = true;
      const [reply] = await link.send([[...args, ...keys, ...ids]]);
      this.#waiting = false;
      if (reply instanceof Error) {
        if (link.up) this.#failed();
        break;
      }
      this.#handOn(lanes, opened, reply as readonly [string, readonly RawEntry[]][] | null);
      if (performance.now() - began < PACE_MS) await sleep(PACE_MS);
    }
    this.#reading = false;
    this.#chars = LARGEST_CHARS;
    if (this.#timer === undefined) this.#go();
  }

  #count(): number {
    return Math.max(1, Math.min(MOST, Math.floor(READ_CHARS / (this.#events.open() * this.#chars))));
  }

  #measure(reply: readonly [string, readonly RawEntry[]][]): void {
    let [chars, count] = [0, 0];
    for (const [, entries] of reply) {
      count += entries.length;
      for (const [, fields] of entries) chars += fields?.[1]?.length ?? 0;
    }
    if (count > 0) this.#chars = Math.max(1, chars / count);
  }

  #handOn(lanes: readonly Lane[], opened: readonly number[], reply: readonly [string, readonly RawEntry[]][] | null): void {
    if (reply === null) return;
    this.#measure(reply);
    const found = new Map(reply);
    const batch: { lane: Lane; entries: readonly RawEntry[] }[] = [];
    for (const [i, lane] of lanes.entries()) {
      const entries = found.get(lane.key);
      // Closed meanwhile, or begun anew somewhere else.
      if (entries === undefined || lane.opened !== opened[i] || lane.opened === 0) continue;
      batch.push({ lane, entries });
    }
    if (batch.length > 0) this.#events.take(batch);
  }

  /** Redis refused: in a Cluster the stream has moved. */
  #failed(): void {
    this.#timer ??= setTimeout(() => {
      this.#timer = undefined;
      void this.#connection.locate().then(() => {
        if (this.#closed) return;
        this.moved();
        this.#go();
      });
    }, RETRY_MS);
  }

  /** Ends the read that waits, so that the next one asks for all there is to ask for. */
  #wake(): void {
    if (this.#clientId === null) return;
    void this.#connection.run([{ key: this.#key, args: ['CLIENT', 'UNBLOCK', this.#clientId as number] }]).then(([woken]) => {
      // It had not begun to wait yet: the read that is on its way may be without the new one.
      if (woken === 0 && this.#waiting && !this.#closed) setTimeout(() => this.#waiting && this.#wake(), WAKE_AGAIN_MS);
    });
  }
}
