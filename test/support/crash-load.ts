import { join } from 'node:path';
import { ClientError, Publisher, RestClient, type TokenSource } from '@waycast/client';
import type { FixInput, TripStatus } from '@waycast/protocol';
import { type Journal, openJournal } from '../oracle/journal.ts';
import { type Random, random } from '../oracle/random.ts';
import { JournalingClient } from './journaling-client.ts';
import { Road, type RoadFix } from './road.ts';
import type { TestServer } from './server.ts';

const LIVE = 8;
const BATCHED = 8;
const BY_REST = 4;
/** ms between two beats of the load, unless another pace is asked for */
const BEAT = 20;
/** fixes that wait at a producer: more would only be resent together */
const AHEAD = 400;
export const TRIPS_A_DRIVER = 3;
/** ms; impatient, so that a test sees many connections come and go */
const TIMING = { min: 10, max: 100, ping: 1_000, silence: 3_000 };
/** What a careful caller comes again after. */
const PASSING = ['network', 'timeout', 'storage_unavailable', 'draining'];
const STATUSES = ['EN_ROUTE', 'ARRIVED', 'IN_PROGRESS', 'COMPLETED'] as const;

/** A driver of the load: its road, how far it got, and how it sends. */
export interface LoadDriver {
  readonly id: string;
  readonly road: Road;
  readonly trips: readonly string[];
  /** how many fixes of the road were given to the producer */
  published: number;
  /** and how many of them are known to be stored */
  stored(): number;
  /** a beat's worth of driving */
  drive(): void;
  /** resolves when all that was published is known to be stored */
  flush(): Promise<void>;
}

/** What was asked of a short trip, and what the server said it did. */
export interface ShortTrip {
  readonly id: string;
  driver: string;
  /** statuses acknowledged, in the order they were asked for */
  readonly acknowledged: TripStatus[];
}

/**
 * The load of the crash rounds: 20 drivers, by live fixes, by backlog messages and by REST batches, each on trips whose
 * stops it comes by, and a dispatcher that makes short trips and moves them along, some to another driver. Every fix and
 * every answer is in a journal beside the server; it goes on over restarts as the client does.
 */
export class CrashLoad {
  readonly drivers: LoadDriver[] = [];
  readonly shortTrips: ShortTrip[] = [];
  readonly journals: string[] = [];
  readonly rest: RestClient;
  /** fixes sent over REST by their driver, for a last resend of everything */
  readonly batches = new Map<string, FixInput[][]>();
  #acks = 0;
  readonly #folder: string;
  readonly #chance: Random;
  readonly #pace: number;
  readonly #passing: readonly string[];
  readonly #clients: JournalingClient[] = [];
  readonly #open: Journal[] = [];
  #beat: NodeJS.Timeout | undefined;
  #dispatching: Promise<void> | undefined;
  #running = false;
  #closed = false;
  /** what the server refused though it was right to ask */
  readonly refusals: string[] = [];

  /** `token`: of the dispatcher and of those who send over REST; who can ask for another one asks when it is refused. */
  constructor(folder: string, server: TestServer, token: TokenSource, seed: number, pace = BEAT) {
    this.#folder = folder;
    this.#chance = random(seed);
    this.#pace = pace;
    this.#passing = [...PASSING, ...(typeof token === 'function' ? ['unauthenticated'] : [])];
    this.rest = new RestClient({ url: server.url, token, timeout: 8_000 });
  }

  /** how many answers that something is stored were read */
  get acks(): number {
    return this.#acks;
  }

  /** Drivers with their trips, before anybody moves. */
  async prepare(server: TestServer): Promise<void> {
    const from = Date.now() - 6 * 3_600_000;
    for (let i = 0; i < LIVE; i++) this.#addStreaming(`live-${i}`, i, from, this.#own(server, `live-${i}`), { interval: 0 });
    for (let i = 0; i < BATCHED; i += 4) {
      // Four drivers share the connection of a service.
      const client = this.#client(server.url, () => server.token('service', `gateway-${i}`), `gateway-${i}`);
      for (let j = i; j < i + 4; j++) this.#addStreaming(`batch-${j}`, LIVE + j, from, client, undefined);
    }
    for (let i = 0; i < BY_REST; i++) this.#addRest(`rest-${i}`, LIVE + BATCHED + i, from);
    for (const { id, road, trips } of this.drivers) {
      for (const [k, trip] of trips.entries())
        await this.rest.createTrip({ id: trip, kind: 'ride', driverId: id, stops: road.stops(k), at: from - 1_000 });
    }
  }

  start(): void {
    this.#running = true;
    this.#beat = setInterval(() => {
      for (const driver of this.drivers) driver.drive();
    }, this.#pace);
    this.#dispatching = this.#dispatch();
  }

  /** No new fixes and trips; what was begun is carried on until it is acknowledged. */
  async finish(): Promise<void> {
    this.#running = false;
    clearInterval(this.#beat);
    await this.#dispatching;
    await Promise.all(this.drivers.map((driver) => driver.flush()));
  }

  /** Twice is fine. */
  close(): void {
    this.#running = false;
    this.#closed = true;
    clearInterval(this.#beat);
    for (const client of this.#clients) client.close();
    for (const journal of this.#open) journal.close();
  }

  #journal(producer: string): Journal {
    const path = join(this.#folder, `${producer}.jsonl`);
    const journal = openJournal(path, producer);
    this.journals.push(path);
    this.#open.push(journal);
    return journal;
  }

  #client(url: string, token: TokenSource, producer: string): JournalingClient {
    const client = new JournalingClient({ url, token, timing: TIMING }, this.#journal(producer), producer, () => this.#acks++);
    this.#clients.push(client);
    return client;
  }

  #own(server: TestServer, driver: string): JournalingClient {
    return this.#client(server.url, () => server.token('driver', driver), driver);
  }

  #add(id: string, index: number, from: number, sends: (driver: LoadDriver) => Pick<LoadDriver, 'stored' | 'drive' | 'flush'>): void {
    const trips = Array.from({ length: TRIPS_A_DRIVER }, (_, k) => `${id}-trip-${k}`);
    const driver: LoadDriver = {
      id,
      road: new Road(index, from),
      trips,
      published: 0,
      stored: () => 0,
      drive: () => {},
      flush: () => Promise.resolve(),
    };
    this.drivers.push(Object.assign(driver, sends(driver)));
  }

  #addStreaming(id: string, index: number, from: number, client: JournalingClient, live: { interval: number } | undefined): void {
    this.#add(id, index, from, (driver) => {
      const options = { stream: `${id}-numbers`, capacity: 1e6, backlog: { rate: 0 }, ...(live && { live }) };
      const publisher = new Publisher(client, live === undefined ? { ...options, driver: id } : options);
      return {
        stored: () => publisher.stored,
        drive: () => {
          const most = live === undefined ? this.#chance.whole(0, 3) : 1;
          for (let i = 0; i < most && publisher.pending < AHEAD; i++) {
            const { at, ...fix } = driver.road.fix(driver.published++);
            publisher.publish({ ...fix, timestamp: at });
          }
        },
        flush: () => publisher.flush(30_000),
      };
    });
  }

  /** One batch after another, each sent until it is answered. */
  #addRest(id: string, index: number, from: number): void {
    const journal = this.#journal(id);
    const sent: FixInput[][] = [];
    this.batches.set(id, sent);
    this.#add(id, index, from, (driver) => {
      let inFlight: Promise<void> | undefined;
      let stored = 0;
      const next = () => {
        const fixes = Array.from({ length: this.#chance.whole(1, 5) }, () => driver.road.fix(driver.published++));
        sent.push(fixes.map(({ at, ...fix }) => ({ ...fix, timestamp: at })));
        inFlight = this.#untilStored(journal, id, fixes).finally(() => {
          stored += fixes.length;
          inFlight = undefined;
        });
      };
      return {
        stored: () => stored,
        drive: () => {
          if (inFlight === undefined) next();
        },
        flush: async () => {
          await inFlight;
        },
      };
    });
  }

  async #untilStored(journal: Journal, driver: string, fixes: readonly RoadFix[]): Promise<void> {
    await this.#untilAnswered(async () => {
      const attempts = fixes.map((fix) => journal.attempt({ driver, fix }));
      const { rejected } = await this.rest.sendFixes(
        driver,
        fixes.map(({ at, ...fix }) => ({ ...fix, timestamp: at })),
      );
      if (this.#closed) return;
      journal.ack({ type: 'receipt', attempts, rejected: rejected.map(({ index, code }) => ({ index, code })) });
    });
  }

  /** Everything that ever went over REST, once more: nothing may become of it. */
  async resendBatches(): Promise<{ stored: number; duplicates: number }> {
    const totals = { stored: 0, duplicates: 0 };
    for (const [driver, batches] of this.batches) {
      for (let i = 0; i < batches.length; i += 50) {
        const receipt = await this.rest.sendFixes(driver, batches.slice(i, i + 50).flat());
        totals.stored += receipt.stored;
        totals.duplicates += receipt.duplicates;
      }
    }
    return totals;
  }

  /** Short trips, one after another: made, some given to another driver, moved to their end. */
  async #dispatch(): Promise<void> {
    for (let n = 0; this.#running; n++) {
      const trip: ShortTrip = { id: `short-${n}`, driver: this.#chance.pick(this.drivers).id, acknowledged: [] };
      this.shortTrips.push(trip);
      const { driver: driverId } = trip;
      await this.#untilAnswered(() => this.rest.createTrip({ id: trip.id, kind: 'ride', driverId, stops: [] }));
      trip.acknowledged.push('PENDING');
      for (const status of STATUSES) {
        if (this.#chance.chance(0.3)) {
          const to = this.#chance.pick(this.drivers).id;
          await this.#untilAnswered(() => this.rest.changeTrip(trip.id, { driverId: to }));
          trip.driver = to;
        }
        await this.#untilAnswered(() => this.rest.setStatus(trip.id, { status }));
        trip.acknowledged.push(status);
      }
    }
  }

  /** Again and again while the server is away or does not know yet, as a careful caller. Any other refusal is noted, and left. */
  async #untilAnswered(ask: () => Promise<unknown>): Promise<void> {
    while (!this.#closed) {
      try {
        await ask();
        this.#acks++;
        return;
      } catch (error) {
        if (!(error instanceof ClientError)) throw error;
        // A proxy in front of processes that are gone says so itself.
        const isAway = error.code === 'unexpected' && error.status >= 502;
        if (!isAway && !this.#passing.includes(error.code)) {
          this.refusals.push(`${error.code}: ${error.detail}`);
          return;
        }
        await new Promise((resolve) => setTimeout(resolve, this.#pace));
      }
    }
  }
}
