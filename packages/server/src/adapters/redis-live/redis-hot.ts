import type { Driver, SeenDriver } from '../../core/driver.ts';
import type { Published } from '../../core/effects.ts';
import type { Trip } from '../../core/trip.ts';
import type { FeedPosition, Hot } from '../../hub/ports.ts';
import type { RedisReply } from '../redis/link.ts';
import type { RedisCall, RedisConnection } from '../redis/redis-connection.ts';
import { decodePublished } from './delivery-codec.ts';
import { decodeDriver, encodeHeavy, encodeLight, lightBeginning } from './driver-codec.ts';
import { FOR_RING, type Interest } from './interest.ts';
import { RingWriter } from './ring-writer.ts';
import type { Turn } from './turn.ts';

const DRIVER_S = 86_400;
/** What changes seldom is written anew this often all the same: an owner that wakes late may have put its own there, ms. */
const HEAVY_EVERY_MS = 60_000;
/** Messages kept per feed [O2]. */
const RING = 300;
/** Written in one turn; after a wipe all of them are to be written. */
const DRIVERS_AT_ONCE = 2_000;
/** What Redis did not take is written again so often, and so much of it while that goes on: one that takes nothing is not held up by that, ms. */
const RETRY_MS = 100;
const TRIED_AT_ONCE = 200;

/**
 * What a later life has put there stays: it is a new owner's. What is left of an earlier one goes as well, unless it has come
 * further in the log: then it is the later one, and whoever owns it has a clock that is behind.
 */
const DROP = `
local light = redis.call('GET', KEYS[1])
if not light then return 0 end
local function begun(text) return tonumber(string.match(text, '"epoch":"(%w+)%-') or '0', 36) end
local position = tonumber(string.match(light, '"position":(%d+)') or '0')
local own = string.sub(light, 1, #ARGV[1]) == ARGV[1]
if own or (begun(light) < begun(ARGV[1]) and position <= tonumber(ARGV[2])) then redis.call('DEL', KEYS[1]) end
return 0`;

/** The same, and all of it: nothing may be left until it expires. */
const ERASE = DROP.replace(`'DEL', KEYS[1])`, `'DEL', KEYS[1], KEYS[2])`);

/** Whoever wrote it, unless it was seen since; answers whether nothing is left. */
const WIPE = `
local light = redis.call('GET', KEYS[1])
local seen = light and string.match(light, '"lastSeenAt":(%d+)')
if seen and tonumber(seen) > tonumber(ARGV[1]) then return 0 end
redis.call('DEL', KEYS[1], KEYS[2])
return 1`;

/** What Redis took in this time it may lose when it dies or its replica takes over, ms. */
const LATELY_MS = 5_000;

/** Within this every process has noticed that Redis was away or wiped, and written its drivers again, ms. */
const UNSURE_MS = 5_000;

export interface RedisHotParts {
  readonly connection: RedisConnection;
  readonly interest: Interest;
  readonly turn: Turn;
}

/** A driver of this process, and what its heavy part was last written from. */
interface Own {
  readonly driver: Driver;
  /** null: it is to be written in any case. */
  profile: Driver['profile'] | null;
  /** Revision and id of each. */
  trips: readonly string[];
  /** Epoch ms. */
  writtenAt: number;
}

const NO_TRIPS: readonly string[] = [];

/** Latest state and lately published messages for all processes. Those who own a driver have it in memory, and answer from there. */
export class RedisHot implements Hot {
  readonly #parts: RedisHotParts;
  readonly #own = new Map<string, Own>();
  /** How often each feed is held here. */
  readonly #held = new Map<string, number>();
  /** Ids of those changed since they were written. */
  #changed = new Set<string>();
  /** Ids of those to be written where Redis has lost them. */
  #again = new Set<string>();
  /** How what Redis did not take of a driver comes to be written again, by id. */
  readonly #failed = new Map<string, () => void>();
  /** Ids of those written in the last `LATELY_MS`, and the time before that. */
  #lately = new Set<string>();
  #earlier = new Set<string>();
  #latelySince = 0;
  readonly #rings: RingWriter;
  /** By id. */
  readonly #drops = new Map<string, RedisCall>();
  #retry: NodeJS.Timeout | undefined;
  /** Whether Redis refused anything since that was last tried. */
  #isRefused = false;
  /** By how many. */
  #hushed = 0;
  /** Until then not everybody may have written again what Redis has lost, monotonic ms. */
  #unsureUntil = 0;

  constructor(parts: RedisHotParts) {
    this.#parts = parts;
    this.#rings = new RingWriter((feed) => this.#ringOf(feed), RING);
    parts.turn.add({
      calls: () => this.#calls(),
      answered: (calls, replies) => this.#answered(calls, replies),
      // Drivers wait, each once; messages do not.
      drop: () => this.#rings.drop(),
    });
  }

  put(driver: Driver): void {
    if (this.#own.get(driver.id)?.driver !== driver) this.#own.set(driver.id, { driver, profile: null, trips: NO_TRIPS, writtenAt: 0 });
    this.#changed.add(driver.id);
    this.#failed.delete(driver.id);
    this.#parts.turn.touch();
  }

  drop(id: string): void {
    this.#remove(id, DROP);
  }

  erase(id: string): void {
    this.#remove(id, ERASE);
    this.clear(`driver:${id}`);
  }

  async wipe(id: string, until: number): Promise<boolean> {
    const feed = `driver:${id}`;
    this.clear(feed);
    const [light, heavy] = this.#keysOf(id);
    const ring = this.#ringOf(feed);
    const calls: RedisCall[] = [{ key: ring, args: ['DEL', ring] }];
    // Who is in memory here came after: who was erased left with the commit.
    const isNew = this.#own.has(id);
    if (!isNew) calls.push({ key: light, args: ['EVAL', WIPE, 2, light, heavy, until] });
    const replies = await this.#parts.connection.run(calls);
    for (const reply of replies) if (reply instanceof Error) throw reply;
    return !isNew && replies[1] === 1;
  }

  hush(until: Promise<void>): void {
    this.#hushed++;
    const end = (): void => {
      this.#hushed--;
      this.#parts.turn.touch();
    };
    until.then(end, end);
  }

  clear(feed: string): void {
    this.#rings.remove(feed);
    this.#parts.turn.touch();
  }

  async driver(id: string): Promise<SeenDriver | undefined | null> {
    const own = this.#own.get(id);
    if (own !== undefined) return own.driver;
    const [key, heavyKey] = this.#keysOf(id);
    this.#parts.turn.flush();
    const { connection, interest } = this.#parts;
    // In a Cluster what is elsewhere says nothing of this node.
    const also = connection.cluster ? [] : [interest.asked];
    const [reply, isThere = 1] = await connection.run([{ key, args: ['MGET', key, heavyKey] }, ...also]);
    if (!Array.isArray(reply)) return null;
    const [light, heavy] = reply as (string | null)[];
    if (typeof light === 'string' && typeof heavy === 'string') return decodeDriver(id, light, heavy);
    // That there is nothing says something only of a Redis that has lost nothing.
    return performance.now() < this.#unsureUntil || isThere !== 1 ? null : undefined;
  }

  append(published: Published): void {
    if (this.#parts.interest.isWanted(published.feed)) this.#rings.push(published);
    else if (!this.#rings.skip(published.feed)) return;
    this.#parts.turn.touch();
  }

  /** Told to all: whichever process publishes it writes the ring. */
  hold(feed: string): void {
    const count = this.#held.get(feed) ?? 0;
    this.#held.set(feed, count + 1);
    if (count === 0) this.#parts.interest.want(feed, FOR_RING);
  }

  release(feed: string): void {
    const count = this.#held.get(feed) ?? 0;
    if (count > 1) this.#held.set(feed, count - 1);
    else if (this.#held.delete(feed)) this.#parts.interest.unwant(feed, FOR_RING);
  }

  async since(feed: string, epoch: string, seq: number): Promise<readonly Published[] | null> {
    if (!this.#parts.interest.isWanted(feed)) return null;
    const key = this.#ringOf(feed);
    this.#parts.turn.flush();
    const [reply] = await this.#parts.connection.run([{ key, args: ['LRANGE', key, -RING, -1] }]);
    return Array.isArray(reply) ? followed(reply as string[], epoch, seq) : null;
  }

  async heads(feeds: readonly string[]): Promise<readonly (FeedPosition | null)[]> {
    if (feeds.length === 0) return [];
    this.#parts.turn.flush();
    const keys = feeds.map((feed) => this.#ringOf(feed));
    const replies = await this.#parts.connection.run(keys.map((key) => ({ key, args: ['LINDEX', key, -1] })));
    return replies.map((reply) => {
      if (typeof reply !== 'string') return null;
      const { epoch, seq } = decodePublished(reply);
      return { epoch, seq };
    });
  }

  /** Redis was away, and may have come back without what it took last: that is written again. */
  writeLatest(): void {
    this.#unsureUntil = performance.now() + UNSURE_MS;
    this.#forgetHeavy();
    for (const id of [...this.#earlier, ...this.#lately]) if (this.#own.has(id)) this.#changed.add(id);
    this.#parts.turn.touch();
  }

  /** Redis has lost what was in it: everything is written again. */
  writeAgain(): void {
    this.#unsureUntil = performance.now() + UNSURE_MS;
    this.#forgetHeavy();
    this.#rings.restart();
    for (const id of this.#own.keys()) this.#again.add(id);
    this.#parts.turn.touch();
  }

  /** The heavy part of everybody is written anew with the next light one. */
  #forgetHeavy(): void {
    for (const own of this.#own.values()) own.profile = null;
  }

  #remove(id: string, script: string): void {
    const own = this.#own.get(id);
    if (own === undefined) return;
    this.#own.delete(id);
    this.#changed.delete(id);
    this.#failed.delete(id);
    const [light, heavy] = this.#keysOf(id);
    this.#drops.set(id, { key: light, args: ['EVAL', script, 2, light, heavy, lightBeginning(own.driver.epoch), own.driver.position] });
    this.#parts.turn.touch();
  }

  #calls(): RedisCall[] {
    if (this.#hushed > 0) return [];
    const calls = [...this.#drops.values()];
    this.#drops.clear();
    this.#forgetEarlier();
    const changed = firstOf(this.#changed, DRIVERS_AT_ONCE);
    if (changed === this.#changed) this.#changed = new Set();
    const again = firstOf(this.#again, DRIVERS_AT_ONCE);
    if (again === this.#again) this.#again = new Set();
    if (this.#changed.size + this.#again.size > 0) this.#parts.turn.touch();
    for (const own of this.#ownOf(changed)) this.#write(own, calls);
    for (const { driver } of this.#ownOf(again)) this.#writeMissing(driver, calls);
    for (const call of this.#rings.calls()) calls.push(call);
    return calls;
  }

  /** What did not arrive is written again soon. Of rings only those it was of have a hole. */
  #answered(calls: readonly RedisCall[], replies: readonly RedisReply[]): void {
    if (!replies.some((reply) => reply instanceof Error)) return;
    for (const [i, call] of calls.entries()) {
      if (!(replies[i] instanceof Error)) continue;
      const id = this.#idOf(call.key);
      if (id === null) this.#rings.failed(call.key.slice(this.#ringOf('').length));
      else this.#didNotArrive(id, call);
    }
    this.#isRefused = true;
    this.#retryLater();
  }

  #didNotArrive(id: string, call: RedisCall): void {
    const own = this.#own.get(id);
    if (own !== undefined) {
      own.profile = null;
      // What was for where there is nothing stays so, unless the newest has to be written anyway.
      const isMissing = call.args.at(-1) === 'NX';
      if (this.#changed.has(id) || (isMissing && this.#failed.has(id))) return;
      this.#failed.set(id, isMissing ? () => this.#again.add(id) : () => this.#changed.add(id));
    } else if (call.args[0] === 'EVAL' && !this.#drops.has(id)) {
      this.#failed.set(id, () => this.#drops.set(id, call));
    }
  }

  #retryLater(): void {
    if (this.#parts.connection.closed) return;
    this.#retry ??= setTimeout(() => {
      this.#retry = undefined;
      const count = this.#isRefused ? TRIED_AT_ONCE : DRIVERS_AT_ONCE;
      this.#isRefused = false;
      for (const [id, writeAgain] of [...this.#failed.entries().take(count)]) {
        this.#failed.delete(id);
        writeAgain();
      }
      this.#rings.retry(count);
      this.#parts.turn.touch();
      if (this.#failed.size > 0 || this.#rings.hasFailed()) this.#retryLater();
    }, RETRY_MS).unref();
  }

  *#ownOf(ids: Iterable<string>): Generator<Own> {
    for (const id of ids) {
      const own = this.#own.get(id);
      if (own !== undefined) yield own;
    }
  }

  /** Only where there is nothing: one who wakes late must not write over what a new owner has put. */
  #writeMissing(driver: Driver, calls: RedisCall[]): void {
    const [light, heavy] = this.#keysOf(driver.id);
    calls.push({ key: heavy, args: ['SET', heavy, encodeHeavy(driver), 'EX', DRIVER_S, 'NX'] });
    calls.push({ key: light, args: ['SET', light, encodeLight(driver), 'EX', DRIVER_S, 'NX'] });
  }

  #forgetEarlier(): void {
    const now = Date.now();
    if (now - this.#latelySince < LATELY_MS) return;
    this.#earlier = this.#lately;
    this.#lately = new Set();
    this.#latelySince = now;
  }

  #write(own: Own, calls: RedisCall[]): void {
    const { driver } = own;
    this.#lately.add(driver.id);
    const [light, heavy] = this.#keysOf(driver.id);
    if (isHeavy(own, Date.now())) calls.push({ key: heavy, args: ['SET', heavy, encodeHeavy(driver), 'EX', DRIVER_S] });
    calls.push({ key: light, args: ['SET', light, encodeLight(driver), 'EX', DRIVER_S] });
  }

  #keysOf(id: string): readonly [light: string, heavy: string] {
    const { prefix } = this.#parts.connection;
    return [`${prefix}{driver.${id}}:light`, `${prefix}{driver.${id}}:heavy`];
  }

  #idOf(key: string): string | null {
    const begin = `${this.#parts.connection.prefix}{driver.`;
    return key.startsWith(begin) ? key.slice(begin.length, key.lastIndexOf('}')) : null;
  }

  #ringOf(feed: string): string {
    return `${this.#parts.connection.prefix}ring:${feed}`;
  }
}

/** Whether the heavy part has changed, or would soon expire; from here on it counts as written. */
function isHeavy(own: Own, now: number): boolean {
  const { profile, trips } = own.driver;
  const isSame = (): boolean => own.trips.length === trips.length && trips.every(({ trip }, i) => own.trips[i] === revisionOf(trip));
  if (own.profile === profile && now - own.writtenAt < HEAVY_EVERY_MS && isSame()) return false;
  own.profile = profile;
  own.trips = trips.length === 0 ? NO_TRIPS : trips.map(({ trip }) => revisionOf(trip));
  own.writtenAt = now;
  return true;
}

/**
 * The first ones of a set, which loses them; the set itself when these are all, to be replaced: V8 would lay out each size of one
 * that is filled and emptied all the time anew among what is old.
 */
function firstOf<T>(set: Set<T>, count: number): Iterable<T> {
  if (set.size <= count) return set;
  const first = [...set.values().take(count)];
  for (const one of first) set.delete(one);
  return first;
}

function revisionOf({ revision, id }: Trip): string {
  return `${revision}/${id}`;
}

/** What followed this number, one by one; null when something is missing or the newest is of another life. */
function followed(texts: readonly string[], epoch: string, seq: number): readonly Published[] | null {
  const found: Published[] = [];
  for (let i = texts.length - 1; i >= 0; i--) {
    const one = decodePublished(texts[i] as string);
    const expected = found.at(-1)?.seq ?? null;
    if (one.epoch !== epoch || (expected !== null && one.seq !== expected - 1)) return null;
    if (one.seq === seq) return found.reverse();
    if (one.seq < seq) return null;
    found.push(one);
    if (one.seq === seq + 1) return found.reverse();
  }
  return null;
}
