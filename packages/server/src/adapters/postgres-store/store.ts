import pg, { type Pool } from 'pg';
import type { OutboxEntry } from '../../core/effects.ts';
import type { Happened } from '../../core/events.ts';
import type { HistoryFix } from '../../core/kept-fix.ts';
import type { Trip } from '../../core/trip.ts';
import type { FleetRow } from '../../hub/delivery.ts';
import type { Page } from '../../hub/page.ts';
import type {
  Commit,
  Committed,
  ConnectionSession,
  OrderRow,
  PassList,
  PassSearch,
  Records,
  SessionLog,
  Store,
  StoredDriver,
  StoreHealth,
  TakenPartition,
  TripChange,
  TripFilter,
} from '../../hub/storage-ports.ts';
import { type Address, addressOf } from './address.ts';
import { type CommitMemory, prepare } from './commit.ts';
import { checkServer, connectFirst } from './connect.ts';
import { Days } from './days.ts';
import { PostgresEraser } from './eraser.ts';
import { readFleet } from './fleet.ts';
import { halfMoved, IS_HALF_MOVED, isHalfMoved } from './half-moved.ts';
import { loadDrivers, readLocations, readLocationsBefore } from './history.ts';
import { Names } from './names.ts';
import { PostgresOutbox } from './outbox.ts';
import { Partitions } from './partitions.ts';
import { readPasses } from './passes.ts';
import { Primary } from './primary.ts';
import { named, nextProcess } from './process-number.ts';
import { migrate } from './schema.ts';
import { closeSessionsOfOthers, readSessions, type SessionFilter, writeSessions } from './sessions.ts';
import { Tails } from './tails.ts';
import { TripChanges } from './trip-changes.ts';
import { readEvents, readOrders, readTrip, readTrips } from './trips.ts';
import { Writer } from './writer.ts';

const PATIENCE_MS = 30_000;

export interface PostgresOptions {
  readonly url: string;
  /** A replica for history and lists; unset: the same server. */
  readonly readUrl?: string | undefined;
  /** The number of this process, unlike that of any other that lives; unset: a new one. */
  readonly process?: number | undefined;
  /** Numbers of all processes that live, this one's too; unset: this one is alone; null: told later, by `departed`. */
  readonly living?: (() => Promise<readonly number[]>) | null | undefined;
  /** Connections at once, of each pool; how long an idle one is kept and how long one may take to come about, ms. */
  readonly max?: number | undefined;
  readonly idleMs?: number | undefined;
  readonly connectMs?: number | undefined;
  readonly onHealth?: ((health: StoreHealth) => void) | undefined;
}

/**
 * Opens the database that processes share, and brings its schema up to date.
 * @throws StartupError in one line that says what to do [P12]
 */
export async function openPostgresStore(options: PostgresOptions): Promise<PostgresStore> {
  const address = addressOf('DATABASE_URL', options.url);
  const readAddress = options.readUrl === undefined ? address : addressOf('DATABASE_READ_URL', options.readUrl);
  const connectMs = options.connectMs ?? 10_000;
  const first = await connectFirst('DATABASE_URL', address, connectMs);
  let process: number;
  try {
    await checkServer(first, address.name);
    if (await isHalfMoved(first)) throw halfMoved(address.name);
    await migrate(first);
    process = options.process ?? (await nextProcess(first));
  } finally {
    await first.end();
  }
  if (readAddress !== address) await (await connectFirst('DATABASE_READ_URL', readAddress, connectMs)).end();
  const store = new PostgresStore(address, readAddress, process, connectMs, options);
  if (options.living !== null) await store.departed(options.living === undefined ? [process] : await options.living());
  return store;
}

/** The store of any number of processes: PostgreSQL with PostGIS. */
export class PostgresStore implements Store, Records, SessionLog {
  /** Each also moves a place in an index of places. */
  readonly wholeASecond = 2_000;
  /** The number of this process among all there ever were. */
  readonly process: number;
  /** Messages on their way out. */
  readonly outbox: PostgresOutbox;
  /** Of the database, for people. */
  readonly #name: string;
  readonly eraser: PostgresEraser;
  readonly #pools: readonly Pool[];
  readonly #primary: Primary;
  readonly #replica: Primary;
  readonly #writer: Writer;
  readonly #partitions: Partitions;
  readonly #trips: TripChanges;
  readonly #memory: CommitMemory;
  readonly #busy = new Set<Promise<unknown>>();
  #closing: Promise<void> | undefined;

  constructor(address: Address, readAddress: Address, process: number, connectMs: number, { max, idleMs, onHealth }: PostgresOptions) {
    this.process = process;
    this.#name = address.name;
    const open = ({ config }: Address): Pool => {
      const pool = new pg.Pool({
        ...config,
        max: max ?? 10,
        idleTimeoutMillis: idleMs ?? 30_000,
        connectionTimeoutMillis: connectMs,
        query_timeout: PATIENCE_MS,
        // Questions are short: compiling them takes longer than answering.
        onConnect: (client) => client.query(`SET jit = off; ${named(process)}`),
      });
      // An idle connection that breaks is replaced by the next question; that one hears of trouble itself.
      pool.on('error', () => undefined);
      return pool;
    };
    const pool = open(address);
    const readPool = readAddress === address ? pool : open(readAddress);
    this.#pools = readPool === pool ? [pool] : [pool, readPool];
    this.#primary = new Primary(pool);
    this.#replica = readPool === pool ? this.#primary : new Primary(readPool);
    this.#memory = { process, names: new Names(), days: new Days(), tails: new Tails() };
    this.#writer = new Writer({ address, connectMs, memory: this.#memory, onHealth: onHealth ?? (() => undefined) });
    this.#partitions = new Partitions(this.#primary, process);
    this.#trips = new TripChanges(this.#primary);
    this.outbox = new PostgresOutbox(this.#primary, process);
    this.eraser = new PostgresEraser(this.#primary, address, process);
  }

  async commit(commit: Commit): Promise<Committed> {
    return await this.#writer.add(prepare(commit));
  }

  changeTrip(change: TripChange): Promise<boolean> {
    return this.#doing(this.#trips.change(structuredClone(change)));
  }

  load(driverIds: readonly string[]): Promise<readonly StoredDriver[]> {
    return loadDrivers(this.#primary, driverIds);
  }

  async take(partitions: readonly number[]): Promise<readonly TakenPartition[]> {
    // A move may have begun and been interrupted since this store was opened.
    const [half] = await this.#primary.rows<{ there: boolean }>(IS_HALF_MOVED);
    if (half?.there === true) throw halfMoved(this.#name);
    const taken = await this.#partitions.take(partitions);
    // Somebody else may have stored their drivers since.
    this.#memory.tails.forget();
    this.#memory.names.doubt();
    return taken;
  }

  still(partitions: readonly number[]): Promise<readonly TakenPartition[]> {
    return this.#partitions.still(partitions);
  }

  release(partitions: readonly number[]): Promise<void> {
    return this.#doing(this.#partitions.release(partitions));
  }

  tried(partition: number, position: number): Promise<number> {
    return this.#doing(this.#partitions.tried(partition, position));
  }

  waiting(partitions: readonly number[]): Promise<readonly OutboxEntry[]> {
    return this.#partitions.waiting(partitions);
  }

  awake(partitions: readonly number[]): Promise<readonly string[]> {
    return this.#partitions.awake(partitions);
  }

  fleet(): Promise<readonly FleetRow[]> {
    return readFleet(this.#primary);
  }

  trip(id: string): Promise<Trip | undefined> {
    return readTrip(this.#primary, id);
  }

  trips(filter: TripFilter, limit: number, cursor: string | null): Promise<Page<Trip>> {
    return readTrips(this.#primary, filter, limit, cursor);
  }

  orderRows(createdAfter: number, endedAfter: number): Promise<readonly OrderRow[]> {
    return readOrders(this.#replica, createdAfter, endedAfter);
  }

  events(tripId: string): Promise<readonly Happened[]> {
    return readEvents(this.#primary, tripId);
  }

  locations(driverId: string, from: number, to: number, limit: number, cursor: string | null): Promise<Page<HistoryFix>> {
    return readLocations(this.#replica, driverId, from, to, limit, cursor);
  }

  /** Of the primary: a judgement may need what was stored a moment ago. */
  locationsBefore(driverId: string, at: number, limit: number, since: number): Promise<readonly HistoryFix[]> {
    return readLocationsBefore(this.#primary, driverId, at, limit, since);
  }

  passes(search: PassSearch, limit: number): Promise<PassList> {
    return readPasses(this.#replica, search, limit);
  }

  recordSessions(sessions: readonly ConnectionSession[]): Promise<void> {
    return this.#doing(writeSessions(this.#primary, sessions, this.process));
  }

  sessions(filter: SessionFilter, limit: number, cursor: string | null): Promise<Page<ConnectionSession>> {
    return readSessions(this.#replica, filter, limit, cursor);
  }

  /** All processes but these are gone: what was theirs alone is ended, or free. */
  async departed(living: readonly number[]): Promise<void> {
    await closeSessionsOfOthers(this.#primary, living);
    await this.outbox.freeLanesOfOthers(living);
  }

  health(): StoreHealth {
    return this.#writer.health;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.all([this.#writer.close(), Promise.allSettled(this.#busy)]);
    await Promise.all(this.#pools.map((pool) => pool.end()));
  }

  /** What was asked before the store closes is done. */
  #doing<T>(work: Promise<T>): Promise<T> {
    this.#busy.add(work);
    const end = (): void => void this.#busy.delete(work);
    work.then(end, end);
    return work;
  }
}
