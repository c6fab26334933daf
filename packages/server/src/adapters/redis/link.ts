import { Command, Redis } from 'ioredis';
import { parcelsOf } from './parcels.ts';

/** One command with its arguments. */
export type RedisArgs = readonly [string, ...(string | number)[]];

/** What Redis answered: text, a number, a list or null; an Error when it refused, `RedisGone` when nothing came. */
export type RedisReply = string | number | null | Error | readonly RedisReply[];

/** There was no answer: Redis is away. `sent`: the command may have been done all the same. */
export class RedisGone extends Error {
  readonly sent: boolean;

  constructor(sent: boolean) {
    super('Redis does not answer');
    this.name = 'RedisGone';
    this.sent = sent;
  }
}

export interface LinkTarget {
  readonly host: string;
  readonly port: number;
  readonly tls: boolean;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly db: number;
  readonly name: string;
  /** Whether a replica is of no use here: an address may lead to another node after a failover, and a connection does not notice. */
  readonly mustWrite?: boolean;
  /** Whether it counts as up while Redis still reads its data from disk. */
  readonly takesLoading?: boolean;
}

export interface LinkEvents {
  readonly up?: (link: Link) => void;
  readonly down?: (link: Link) => void;
  /** It could not be connected, for this reason; it is tried again. */
  readonly failed?: (problem: string) => void;
  readonly message?: (channel: string, text: string) => void;
}

const PING_EVERY_MS = 1_000;
/** So many pings without an answer, one a second, and the connection is dead. */
const SILENT_PINGS = 3;
const CONNECT_WITHIN_MS = 3_000;
const RECONNECT_MS = 50;
const LONGEST_RECONNECT_MS = 1_000;
/** How often an address that leads to a replica is tried again. */
const REPLICA_RETRY_MS = 500;
const AS_TEXT = { replyEncoding: 'utf8' } as const;
const NO_WRITES = 'is a replica and takes no writes';

/**
 * One connection to one Redis. It is tried again for ever, and given up when nothing is heard on it. Nothing is queued
 * while it is down and nothing is sent twice by itself: whoever sends decides what may be repeated.
 */
export class Link {
  readonly redis: Redis;
  readonly address: string;
  #up = false;
  #problem: string;
  /** Why we cut it ourselves. */
  #cutFor: string | null = null;
  #silent = 0;
  #pinging = false;
  readonly #timer: NodeJS.Timeout;
  readonly #events: LinkEvents;
  readonly #mustWrite: boolean;

  constructor(target: LinkTarget, events: LinkEvents = {}) {
    this.address = `${target.host}:${target.port}`;
    this.#problem = `Redis at ${this.address} is not connected yet`;
    this.#events = events;
    this.#mustWrite = target.mustWrite ?? false;
    this.redis = new Redis({
      host: target.host,
      port: target.port,
      db: target.db,
      connectionName: target.name,
      ...(target.username !== undefined && { username: target.username }),
      ...(target.password !== undefined && { password: target.password }),
      ...(target.tls && { tls: {} }),
      // Lists of lists, as all of this reads them.
      protocol: 2,
      enableOfflineQueue: false,
      autoResendUnfulfilledCommands: false,
      autoResubscribe: false,
      maxRetriesPerRequest: 0,
      connectTimeout: CONNECT_WITHIN_MS,
      disableClientInfo: true,
      enableReadyCheck: target.takesLoading !== true,
      retryStrategy: (times) => Math.min(RECONNECT_MS * times, LONGEST_RECONNECT_MS),
    });
    this.redis.on('error', (error: Error) => {
      // What TLS says has several lines.
      this.#problem = `Redis at ${this.address}: ${error.message.trim().replace(/\s+/g, ' ')}`;
      events.failed?.(this.#problem);
    });
    this.redis.on('ready', () => void this.#ready());
    this.redis.on('close', () => this.#lost());
    for (const event of ['message', 'smessage']) {
      this.redis.on(event, (channel: string, text: string) => events.message?.(channel, text));
    }
    this.#timer = setInterval(() => this.#watch(), PING_EVERY_MS).unref();
  }

  get up(): boolean {
    return this.#up;
  }

  /** Why it is down, as last seen. */
  get problem(): string {
    return this.#problem;
  }

  /** Sends them in order, in one write; one answer each. Never rejects. */
  async send(calls: readonly RedisArgs[]): Promise<RedisReply[]> {
    if (!this.#up) return calls.map(() => new RedisGone(false));
    return this.#checked(await this.#exec(calls));
  }

  /** As `send`, for a single Redis: many commands travel as few. */
  async sendTogether(calls: readonly RedisArgs[]): Promise<RedisReply[]> {
    if (!this.#up) return calls.map(() => new RedisGone(false));
    const parcels = parcelsOf(calls);
    const replies = await this.#exec(parcels.map(({ args }) => args));
    return this.#checked(parcels.flatMap((parcel, i) => parcel.open(replies[i] as RedisReply)));
  }

  /**
   * Commands of ioredis, and its pipelines even more, stay in memory until the next major collection, however soon they are
   * answered: V8 puts functions that are assigned to members among what is old, and these hold the command. So there are no
   * pipelines, and nothing large is left in a command.
   */
  async #exec(calls: readonly RedisArgs[]): Promise<RedisReply[]> {
    const { stream } = this.redis;
    stream.cork();
    const answers = calls.map(async ([name, ...args]) => {
      const command = new Command(name, args, AS_TEXT);
      try {
        const reply = (await this.redis.sendCommand(command)) as RedisReply | RedisReply[];
        return Array.isArray(reply) ? reply.splice(0) : (reply as RedisReply);
      } catch (error) {
        return refusalOf(error as Error);
      } finally {
        command.args = [];
      }
    });
    stream.uncork();
    return await Promise.all(answers);
  }

  #checked(replies: RedisReply[]): RedisReply[] {
    if (this.#mustWrite && this.#up && replies.some(isReadOnly)) this.cut(NO_WRITES);
    return replies;
  }

  /** Cuts it; it is connected anew. */
  cut(problem: string): void {
    this.#cutFor = problem;
    // Not `disconnect()`: that waits for the other side to say good-bye, and a hung one never does.
    this.redis.stream?.destroy();
  }

  close(): void {
    clearInterval(this.#timer);
    this.redis.disconnect();
    this.redis.stream?.destroy();
    this.#lost();
  }

  async #ready(): Promise<void> {
    const { stream } = this.redis;
    if (this.#mustWrite && (await this.#isReplica())) {
      this.#problem = `Redis at ${this.address} ${NO_WRITES}`;
      setTimeout(() => stream.destroy(), REPLICA_RETRY_MS).unref();
      return;
    }
    // It may have gone meanwhile.
    if (this.redis.stream !== stream || this.redis.status !== 'ready') return;
    this.#up = true;
    this.#silent = 0;
    this.#events.up?.(this);
  }

  async #isReplica(): Promise<boolean> {
    try {
      return /^role:slave\r?$/m.test(await this.redis.info('replication'));
    } catch (error) {
      // Gone, or nobody may ask: writing will show.
      this.#problem = `Redis at ${this.address}: ${error instanceof Error ? error.message : String(error)}`;
      return false;
    }
  }

  #lost(): void {
    this.#silent = 0;
    if (!this.#up) return;
    this.#up = false;
    this.#problem = `Redis at ${this.address} ${this.#cutFor ?? 'has closed the connection'}`;
    this.#cutFor = null;
    this.#events.down?.(this);
  }

  /** Counts ticks, not time: after a pause of this process the answers that lie in the socket are read before the next one. */
  #watch(): void {
    const { status } = this.redis;
    // Ready and not up: it is being asked whether it is a replica.
    if (!this.#up && status !== 'connect' && status !== 'ready') return;
    if ((this.#pinging || !this.#up) && ++this.#silent >= SILENT_PINGS) {
      this.cut('has answered nothing for 3 s');
      return;
    }
    if (!this.#up || this.#pinging) return;
    this.#pinging = true;
    const answered = (): void => {
      this.#pinging = false;
      this.#silent = 0;
    };
    this.redis.ping().then(answered, answered);
  }
}

/** What Redis itself refused was not done; of anything else nobody knows. */
function refusalOf(error: Error): Error {
  return error.name === 'ReplyError' ? error : new RedisGone(true);
}

function isReadOnly(reply: RedisReply): boolean {
  return reply instanceof Error && reply.message.startsWith('READONLY ');
}
