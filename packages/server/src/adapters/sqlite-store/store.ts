import { Worker } from 'node:worker_threads';
import type { Drops } from '../../archive/ports.ts';
import { type DriverSnapshot, restoreDriver } from '../../core/driver.ts';
import type { OutboxEntry } from '../../core/effects.ts';
import type { Happened } from '../../core/events.ts';
import type { HistoryFix } from '../../core/kept-fix.ts';
import type { Trip } from '../../core/trip.ts';
import { CursorMoved } from '../../hub/cursor-moved.ts';
import type { FleetRow } from '../../hub/delivery.ts';
import { fleetRowOf } from '../../hub/fleet-row.ts';
import type { Page } from '../../hub/page.ts';
import { partitionOf } from '../../hub/partition.ts';
import type {
  Commit,
  Committed,
  ConnectionSession,
  Erasure,
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
import { StoreBroken } from '../../hub/store-broken.ts';
import { StartupError } from '../../startup-error.ts';
import { SqliteEraser } from './eraser.ts';
import { takeFolder } from './folder.ts';
import type { DropRequest, ForgetRequest, WriteReply, WriteRequest } from './messages.ts';
import { SqliteOutbox } from './outbox.ts';
import type { LoadedDriver } from './queries.ts';
import type { Question, Reply } from './reader.ts';
import { commitRequest, tripRequest } from './requests.ts';

export interface SqliteOptions {
  readonly dataDir: string;
  /** Bounds the database, in pages of 4 KB, as a full disk would. */
  readonly maxPages?: number | undefined;
  readonly onHealth?: (health: StoreHealth) => void;
}

/**
 * Opens the embedded database in its folder, held by this process alone.
 * @throws StartupError in use, unwritable, damaged, or of a newer program
 */
export async function openSqliteStore(options: SqliteOptions): Promise<SqliteStore> {
  const folder = takeFolder(options.dataDir);
  const writer = new Worker(new URL('./writer.ts', import.meta.url), { workerData: { path: folder.database, maxPages: options.maxPages } });
  try {
    await new Promise<void>((resolve, reject) => {
      writer.once('error', reject);
      writer.once('message', (reply: WriteReply) => {
        if (reply.kind === 'ready') resolve();
        else reject(new StartupError(reply.kind === 'refused' ? reply.message : 'the database did not open'));
      });
    });
  } catch (error) {
    folder.release();
    throw error;
  }
  const reader = new Worker(new URL('./reader.ts', import.meta.url), { workerData: { path: folder.database } });
  return new SqliteStore(writer, reader, folder.release, options.onHealth);
}

interface Asked {
  readonly resolve: (reply: WriteReply) => void;
  readonly reject: (error: Error) => void;
}

/** The store of one process: SQLite, written by one thread and read by another. */
export class SqliteStore implements Store, Records, SessionLog {
  readonly wholeASecond = 4_000;
  /** Messages on their way out. */
  readonly outbox: SqliteOutbox;
  readonly eraser: SqliteEraser;
  /** For a run that takes out what is past retention. */
  readonly drops: Drops = {
    fixes: (fixes) => this.#drop({ kind: 'drop', fixes }, [fixes.of.buffer, fixes.at.buffer, fixes.id.buffer]),
    connections: (before, most) => this.#drop({ kind: 'forget', before, most }),
  };
  readonly #writer: Worker;
  readonly #reader: Worker;
  readonly #release: () => void;
  /** Requests to the writer, answered in order. */
  readonly #asked: Asked[] = [];
  readonly #questions = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  #lastQuestion = 0;
  #health: StoreHealth = { ok: true, problem: null };
  /** Why nothing can be written or read any more. */
  #broken: Error | undefined;
  #closing: Promise<void> | undefined;

  constructor(writer: Worker, reader: Worker, release: () => void, onHealth: ((health: StoreHealth) => void) | undefined) {
    this.#writer = writer;
    this.#reader = reader;
    this.#release = release;
    this.outbox = new SqliteOutbox({
      write: async (method, args) => {
        const reply = await this.#write({ kind: 'outgoing', method, args });
        return (reply as Extract<WriteReply, { kind: 'outgoing' }>).value;
      },
      read: (method, ...args) => this.#read(method, ...args),
    });
    this.eraser = new SqliteEraser({
      write: async (method, args) => {
        const reply = await this.#write({ kind: 'erase', method, args });
        return (reply as Extract<WriteReply, { kind: 'erased' }>).value;
      },
      pending: async () => (await this.#read('erasures')) as Erasure[],
    });
    writer.on('message', (reply: WriteReply) => {
      if (reply.kind === 'health') {
        this.#health = reply.health;
        onHealth?.(reply.health);
      } else if (reply.kind === 'closed') {
        const closed = this.#asked.pop();
        for (const { reject } of this.#asked.splice(0)) reject(new Error('the store was closed before it could write this'));
        closed?.resolve(reply);
      } else if (reply.kind === 'broken') {
        this.#fail(new Error(reply.message));
      } else if (reply.kind === 'failed') {
        this.#asked.shift()?.reject(reply.moved === null ? new Error(reply.message) : new CursorMoved(reply.moved));
      } else {
        this.#asked.shift()?.resolve(reply);
      }
    });
    writer.on('error', (error) => this.#fail(error as Error));
    reader.on('message', (reply: Reply) => this.#answer(reply));
    reader.on('error', (error) => this.#fail(error as Error));
  }

  async commit(commit: Commit): Promise<Committed> {
    const request = commitRequest(commit);
    const reply = await this.#write(request, request.fixes === null ? [] : [request.fixes.buffer]);
    return reply as Extract<WriteReply, { kind: 'committed' }>;
  }

  async changeTrip(change: TripChange): Promise<boolean> {
    return ((await this.#write(tripRequest(change))) as Extract<WriteReply, { kind: 'trip' }>).done;
  }

  async load(driverIds: readonly string[]): Promise<readonly StoredDriver[]> {
    const loaded = (await this.#read('load', driverIds)) as LoadedDriver[];
    return loaded.map(({ id, state, rows, damage }) => ({
      id,
      snapshot: state === null || damage !== undefined ? null : (JSON.parse(state) as DriverSnapshot),
      rows,
      damage,
    }));
  }

  /** Its log is in the memory of whoever owned them: with the owner went what could have taken it down. */
  async take(partitions: readonly number[]): Promise<readonly TakenPartition[]> {
    const cursors = new Map((await this.#read('cursors')) as [number, number][]);
    return partitions.map((partition) => ({ partition, position: cursors.get(partition) ?? 0, deaths: 0 }));
  }

  still(partitions: readonly number[]): Promise<readonly TakenPartition[]> {
    return this.take(partitions);
  }

  /** Nobody else can have them while the folder is held. */
  async release(): Promise<void> {}

  async tried(partition: number, position: number): Promise<number> {
    const reply = await this.#write({ kind: 'tried', partition, position });
    return (reply as Extract<WriteReply, { kind: 'tried' }>).tries;
  }

  async waiting(partitions: readonly number[]): Promise<readonly OutboxEntry[]> {
    const entries = ((await this.#read('waiting')) as string[]).map((doc) => JSON.parse(doc) as OutboxEntry);
    return entries.filter(({ trip }) => trip.driverId !== null && partitions.includes(partitionOf(trip.driverId)));
  }

  async awake(partitions: readonly number[]): Promise<readonly string[]> {
    return ((await this.#read('awake')) as string[]).filter((id) => partitions.includes(partitionOf(id)));
  }

  async fleet(): Promise<readonly FleetRow[]> {
    const states = (await this.#read('onlineStates')) as [string, string][];
    return states.flatMap(([id, state]) => fleetRowOf(restoreDriver(id, 'stored', JSON.parse(state) as DriverSnapshot)) ?? []);
  }

  async trip(id: string): Promise<Trip | undefined> {
    const doc = (await this.#read('trip', id)) as string | undefined;
    return doc === undefined ? undefined : (JSON.parse(doc) as Trip);
  }

  async trips(filter: TripFilter, limit: number, cursor: string | null): Promise<Page<Trip>> {
    const page = (await this.#read('trips', filter, limit, cursor)) as Page<string>;
    return { items: page.items.map((doc) => JSON.parse(doc) as Trip), cursor: page.cursor };
  }

  async orderRows(createdAfter: number, endedAfter: number): Promise<readonly OrderRow[]> {
    return (await this.#read('orderRows', createdAfter, endedAfter)) as OrderRow[];
  }

  async events(tripId: string): Promise<readonly Happened[]> {
    return ((await this.#read('events', tripId)) as string[]).map((doc) => JSON.parse(doc) as Happened);
  }

  async locations(driverId: string, from: number, to: number, limit: number, cursor: string | null): Promise<Page<HistoryFix>> {
    return (await this.#read('locations', driverId, from, to, limit, cursor)) as Page<HistoryFix>;
  }

  async locationsBefore(driverId: string, at: number, limit: number, since: number): Promise<readonly HistoryFix[]> {
    return (await this.#read('locationsBefore', driverId, at, limit, since)) as HistoryFix[];
  }

  async passes(search: PassSearch, limit: number): Promise<PassList> {
    return (await this.#read('passes', search, limit)) as PassList;
  }

  async recordSessions(sessions: readonly ConnectionSession[]): Promise<void> {
    await this.#write({ kind: 'sessions', sessions });
  }

  async sessions(
    filter: { subject?: string | undefined; open?: boolean | undefined },
    limit: number,
    cursor: string | null,
  ): Promise<Page<ConnectionSession>> {
    return (await this.#read('sessions', filter, limit, cursor)) as Page<ConnectionSession>;
  }

  async #drop(request: DropRequest | ForgetRequest, transfer: ArrayBuffer[] = []): Promise<number> {
    return ((await this.#write(request, transfer)) as Extract<WriteReply, { kind: 'dropped' }>).rows;
  }

  health(): StoreHealth {
    return this.#health;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    // After everything asked before it; a store that is broken has nothing more to wait for.
    if (this.#broken === undefined) await this.#write({ kind: 'close' }).catch(() => undefined);
    await Promise.all([this.#writer.terminate(), this.#reader.terminate()]);
    this.#release();
  }

  #write(request: WriteRequest, transfer: ArrayBuffer[] = []): Promise<WriteReply> {
    return new Promise((resolve, reject) => {
      if (this.#broken !== undefined) {
        reject(this.#broken);
        return;
      }
      this.#asked.push({ resolve, reject });
      this.#writer.postMessage(request, transfer);
    });
  }

  #read(method: Question['method'], ...args: unknown[]): Promise<unknown> {
    return new Promise((resolve, reject) => {
      const id = ++this.#lastQuestion;
      this.#questions.set(id, { resolve, reject });
      this.#reader.postMessage({ id, method, args } satisfies Question);
    });
  }

  #answer(reply: Reply): void {
    const question = this.#questions.get(reply.id);
    this.#questions.delete(reply.id);
    if ('error' in reply) question?.reject(new Error(reply.error));
    else question?.resolve(reply.value);
  }

  #fail(error: Error): void {
    this.#broken ??= new StoreBroken(error.message, { cause: error });
    this.#health = { ok: false, problem: error.message };
    for (const { reject } of this.#asked.splice(0)) reject(this.#broken);
    for (const { reject } of this.#questions.values()) reject(error);
    this.#questions.clear();
  }
}
