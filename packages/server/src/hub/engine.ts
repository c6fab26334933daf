import { setTimeout as sleep } from 'node:timers/promises';
import { advance } from '../core/advance.ts';
import { advanceCanary } from '../core/canary.ts';
import type { Driver } from '../core/driver.ts';
import type { OutboxEntry } from '../core/effects.ts';
import type { Rules } from '../core/rules.ts';
import { Adoptions } from './adoptions.ts';
import { Careful } from './careful.ts';
import { type Batch, Commits } from './commits.ts';
import type { Fleet } from './fleet.ts';
import type { Meter } from './meter.ts';
import type { Outgoing } from './outbox/outgoing.ts';
import { partitionOf } from './partition.ts';
import { type Clock, type Hot, type Log, type LogEntry, type Owner, PARTITIONS } from './ports.ts';
import type { Post } from './post.ts';
import type { Publisher } from './publisher.ts';
import { type Resident, Residents } from './residents.ts';
import { setAside } from './set-aside.ts';
import { Standstill } from './standstill.ts';
import type { Store } from './storage-ports.ts';
import { Tenures } from './tenures.ts';

/** Before those that could not be loaded are asked for again, ms. */
const LOAD_RETRY_MS = 500;
const SWEEP_EVERY_MS = 50;
/** Something of a partition took so many owners down in a row: from then on it is handled with care. */
const SUSPICIOUS_DEATHS = 2;
/** Who stood still for so long may have been taken for dead: another process takes over after 6 s without a sign of life, ms. */
const STANDSTILL_MS = 4_000;

export interface EngineParts {
  /** Other processes may take over what this one owns. */
  readonly shared: boolean;
  readonly log: Log;
  readonly hot: Hot;
  readonly store: Store;
  readonly clock: Clock;
  readonly rules: Rules;
  readonly fleet: Fleet;
  readonly publisher: Publisher;
  readonly post: Post;
  readonly meter: Meter;
  readonly outgoing: Outgoing;
  /** A new id for every life of a counter, which says when it begins [O1]. */
  readonly newEpoch: () => string;
  /** The store has broken for good; nothing more can be promised. */
  readonly fatal: (error: unknown) => void;
  /** Others turned out to own these. */
  readonly lost: (partitions: readonly number[]) => void;
  readonly warn: (message: string, error: unknown) => void;
  /** Something is lost, set aside or broken: it needs somebody. */
  readonly error: (message: string, error: unknown) => void;
}

/**
 * The single writer: applies the commands of its partitions in order, publishes what follows at once, and stores
 * it in group commits. Whoever asked is answered when it is durable.
 */
export class Engine implements Owner {
  readonly #parts: EngineParts;
  readonly #residents: Residents;
  readonly #commits: Commits;
  readonly #tenures: Tenures;
  readonly #careful: Careful;
  readonly #adoptions: Adoptions;
  /** Commands that wait for a driver to be loaded, by partition. */
  readonly #waiting = new Map<number, LogEntry[]>();
  /** When the oldest command of the turn was appended, monotonic ms; 0 for none. */
  #oldest = 0;
  readonly #standstill = new Standstill(STANDSTILL_MS);
  /** What came after a standstill, until it is known what is still owned; null: nothing waits for that. */
  #parked: LogEntry[] | null = null;
  readonly #stop: () => void;

  constructor(parts: EngineParts) {
    this.#parts = parts;
    const { store, clock, log, post, meter, warn, error } = parts;
    const tenure = (partition: number): number => this.#tenures.serving(partition);
    this.#residents = new Residents({ ...parts, tenure, share: () => this.owned() / PARTITIONS });
    this.#commits = new Commits({
      store,
      clock,
      residents: this.#residents,
      post,
      meter,
      stored: (batch) => this.#stored(batch),
      failed: (batch, why) => this.#tenures.failed([...batch.reached.keys()], why),
    });
    this.#careful = new Careful({
      store,
      commits: this.#commits,
      residents: this.#residents,
      apply: (resident, entry, batch) => this.#apply(resident, entry, batch),
      tell: (batch) => this.#tell(batch),
      goOn: (entries) => this.#take(entries),
      broken: (partition, why) => this.#tenures.failed([partition], why),
      now: () => clock.now(),
      pause: (ms) => sleep(ms, undefined, { ref: false }),
      error,
    });
    this.#tenures = new Tenures({
      log,
      store,
      commits: this.#commits,
      residents: this.#residents,
      careful: this.#careful,
      forget: (partition) => this.#forget(partition),
      lost: parts.lost,
      begun: (partitions) => void this.#wake(partitions),
      fatal: parts.fatal,
      warn,
      error,
    });
    this.#adoptions = new Adoptions({ log, store, clock, owned: () => this.#tenures.owned(), warn });
    log.consume((entries) => this.#take(entries));
    this.#stop = clock.every(SWEEP_EVERY_MS, () => this.#sweep());
  }

  /** Whether this process owns the partition, and may have its drivers in memory. */
  owns(partition: number): boolean {
    return this.#tenures.serving(partition) !== 0;
  }

  /** How many of them. */
  owned(): number {
    return this.#tenures.owned().length;
  }

  /** Goes on where the store says the last owner stopped. */
  async gain(partitions: readonly number[]): Promise<void> {
    const { store } = this.#parts;
    const taken = await store.take(partitions);
    const waiting = await store.waiting(partitions);
    // Of an earlier tenure nothing may be left.
    this.#residents.forget(new Set(partitions));
    for (const one of taken) {
      if (one.deaths >= SUSPICIOUS_DEATHS) this.#careful.enter(one.partition);
      this.#tenures.begin(one);
    }
    this.dispatch(waiting);
    // Not awaited: serving starts at once, and silence and ends are found in time [D2, T10].
    void this.#wake(partitions);
  }

  async yield(partitions: readonly number[]): Promise<void> {
    await this.#tenures.end(partitions);
  }

  lose(partitions: readonly number[]): void {
    this.#tenures.lose(partitions);
  }

  /** The state of a driver of this process, loaded if the store knows it. For looking only. */
  wake(driverId: string): Promise<Driver | undefined> {
    return this.#residents.wake(driverId);
  }

  /** The same, if it is in memory. */
  resident(driverId: string): Driver | undefined {
    return this.#residents.get(driverId)?.driver;
  }

  /** Everybody in memory whom others may know of. */
  drivers(): Iterable<Driver> {
    return this.#residents.drivers();
  }

  /** Resolves once everything appended here so far has had its effect and is durable. */
  async drain(): Promise<void> {
    while (!this.#isIdle()) {
      await this.#commits.settled();
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
  }

  close(): void {
    this.#stop();
    this.#adoptions.close();
    this.#commits.close();
  }

  #isIdle(): boolean {
    return (
      this.#parked === null && this.#commits.isIdle() && this.#waiting.size === 0 && this.#careful.isIdle() && this.#parts.log.held() === 0
    );
  }

  #take(entries: readonly LogEntry[]): void {
    if (this.#standsStill()) {
      this.#parked?.push(...entries);
      return;
    }
    let batch = this.#commits.pending;
    for (const [index, entry] of entries.entries()) {
      if (this.#waits(entry) || this.#careful.take(entry)) continue;
      const { driverId } = entry.command;
      const resident = this.#residents.get(driverId);
      const damage = resident === undefined ? this.#residents.damage(driverId) : undefined;
      try {
        if (resident !== undefined) this.#apply(resident, entry, batch);
        else if (damage !== undefined) setAside(entry, damage, this.#parts.clock.now(), batch);
        else this.#waitFor(entry);
      } catch (error) {
        // What was gathered is dropped, and comes again; so does what stood behind it.
        this.#tenures.again(entries.slice(index).map(({ partition }) => partition));
        this.#tenures.failed([entry.partition], error);
        return;
      }
      if (!this.#commits.isFull && batch.effects.erased.length === 0) continue;
      this.#tell(batch);
      this.#commits.cut();
      batch = this.#commits.pending;
    }
    this.#tell(batch);
    this.#commits.schedule();
  }

  /**
   * After a standstill it is asked first what is still owned: to apply more, and to show and publish it, would be to speak
   * for drivers that others may have gone on with since. What comes meanwhile is parked.
   */
  #standsStill(): boolean {
    const ms = this.#standstill.passed();
    if (ms > 0 && this.#parts.shared && this.#parked === null && this.owned() > 0) {
      this.#parts.warn(`this process stood still for ${(ms / 1_000).toFixed(1)} s: it asks what it still owns`, null);
      this.#parked = [];
      const asked = this.#tenures.ask();
      this.#parts.hot.hush(asked);
      void asked.then(() => {
        const parked = this.#parked ?? [];
        this.#parked = null;
        this.#take(parked);
      });
    }
    return this.#parked !== null;
  }

  /** What waits here of a partition is in the log as well. */
  #forget(partition: number): void {
    this.#waiting.delete(partition);
    if (this.#parked !== null) this.#parked = this.#parked.filter((entry) => entry.partition !== partition);
  }

  /** Behind others of its partition, whose drivers are being loaded. */
  #waits(entry: LogEntry): boolean {
    const waiting = this.#waiting.get(entry.partition);
    waiting?.push(entry);
    return waiting !== undefined;
  }

  #waitFor(entry: LogEntry): void {
    this.#waiting.set(entry.partition, [entry]);
    void this.#load(entry.partition);
  }

  #apply(resident: Resident, { partition, position, command, appendedAt }: LogEntry, batch: Batch): void {
    const { driver } = resident;
    const { rules, hot, fleet } = this.#parts;
    if (command.kind === 'tick') resident.tickQueuedAt = 0;
    if (resident.isCanary) advanceCanary(driver, command, position, rules, batch.effects);
    else {
      if (this.#oldest === 0) this.#oldest = appendedAt;
      resident.dirty = true;
      advance(driver, command, position, rules, batch.effects);
    }
    batch.reached.set(partition, position);
    if (command.kind === 'erase') return;
    hot.put(driver);
    if (!resident.isCanary) fleet.moved(driver);
  }

  /** Everything that need not wait for the commit goes out now. */
  #tell(batch: Batch): void {
    const { publisher, post, meter, outgoing } = this.#parts;
    const { published, remarks, erased } = batch.effects;
    for (const one of published) {
      publisher.publish(one);
      // What is erased is told to nobody who keeps it.
      if (one.type === 'event' && !erased.some(({ driverId }) => one.trip === null && one.event.driverId === driverId))
        batch.messages.push(...outgoing.of(one.event, one.trip));
    }
    for (const remark of remarks) post.remark(remark);
    for (const { driverId } of erased) this.#erase(driverId);
    if (this.#oldest > 0) {
      meter.delivered(this.#oldest, published.length);
      if (batch.oldest === 0) batch.oldest = this.#oldest;
      this.#oldest = 0;
    }
    published.length = 0;
    remarks.length = 0;
  }

  /** Nothing of it is in memory from here on, and others hear that it is gone [I11]. */
  #erase(driverId: string): void {
    const driver = this.resident(driverId);
    if (driver !== undefined) this.#commits.forget(driver);
    this.#residents.erase(driverId);
    this.#parts.publisher.erased(driverId);
  }

  async #load(partition: number): Promise<void> {
    // The rest of this turn may bring more drivers to load in one go.
    await undefined;
    const tenure = this.#tenures.of(partition);
    const waiting = this.#waiting.get(partition) ?? [];
    try {
      await this.#residents.load(new Set(waiting.map((entry) => entry.command.driverId)));
    } catch (error) {
      this.#parts.warn('drivers could not be loaded; their commands wait', error);
      setTimeout(() => void this.#load(partition), LOAD_RETRY_MS).unref();
      return;
    }
    // Who has left meanwhile has left its commands in the log.
    if (tenure !== this.#tenures.of(partition) || this.#waiting.get(partition) !== waiting) return;
    this.#waiting.delete(partition);
    this.#take(waiting);
  }

  #stored({ reached, effects, messages }: Batch): void {
    for (const [partition, position] of reached) this.#tenures.stored(partition, position);
    for (const { driverId } of effects.erased) {
      this.#residents.erased(driverId);
      // Whoever asked the store before that may have had it from there.
      this.#parts.publisher.erased(driverId);
    }
    this.dispatch(effects.outbox);
    if (messages.length > 0) this.#parts.outgoing.stored();
  }

  /** Sends outbox entries to the partition they are for [T7]. Harmless when repeated. */
  dispatch(outbox: readonly OutboxEntry[]): void {
    this.#adoptions.send(outbox);
  }

  /** Brings in those about whom time decides something: nobody else may touch them for long. */
  async #wake(partitions: readonly number[]): Promise<void> {
    try {
      await this.#residents.wakeAll(await this.#parts.store.awake(partitions));
    } catch (error) {
      this.#parts.warn('the store could not be asked about whom time decides; it is asked again', error);
      setTimeout(() => void this.#wake(partitions.filter((partition) => this.owns(partition))), LOAD_RETRY_MS * 4).unref();
    }
  }

  /** Now and then: what time decides, who is to be stored whole. */
  #sweep(): void {
    const { clock, log } = this.#parts;
    if (this.#standsStill()) return;
    const receivedAt = clock.now();
    this.#residents.sweep(this.#commits.durable, {
      tick: ({ driver, partition }) => {
        // While nothing can be taken in nobody can be heard: silence means nothing then.
        if (log.problem(partition) === null) log.append(partition, { kind: 'tick', driverId: driver.id, receivedAt, reply: 0 });
      },
      whole: (driver) => {
        if (!this.#careful.has(partitionOf(driver.id))) this.#commits.storeWhole(driver);
      },
    });
    this.#commits.schedule();
  }
}
