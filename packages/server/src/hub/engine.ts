import { advance } from '../core/advance.ts';
import type { Command } from '../core/commands.ts';
import type { Driver } from '../core/driver.ts';
import { type Effects, noEffects, type OutboxEntry } from '../core/effects.ts';
import type { Rules } from '../core/rules.ts';
import type { Fleet } from './fleet.ts';
import type { Meter } from './meter.ts';
import type { Outgoing } from './outbox/outgoing.ts';
import type { OutgoingMessage } from './outbox/ports.ts';
import { partitionOf } from './partition.ts';
import type { People } from './people.ts';
import { type Bus, type Clock, type Committed, type Hot, type Log, type LogEntry, PARTITIONS, type Store } from './ports.ts';
import type { Replies } from './replies.ts';
import { type Resident, Residents } from './residents.ts';
import type { Senders } from './senders.ts';

/** At least this long between two commits, so that each carries many fixes, ms. */
const COMMIT_EVERY_MS = 5;
/** After a commit of many rows it takes longer: each costs the same fsync, however much it carries. */
const BUSY_ROWS = 50;
const BUSY_COMMIT_EVERY_MS = 20;
const COMMITS_IN_FLIGHT = 2;
/** Before those that could not be loaded are asked for again, ms. */
const LOAD_RETRY_MS = 500;
const TELL_STALLED_EVERY_MS = 250;
const SWEEP_EVERY_MS = 50;

export interface EngineParts {
  readonly log: Log;
  readonly hot: Hot;
  readonly bus: Bus;
  readonly store: Store;
  readonly clock: Clock;
  readonly rules: Rules;
  readonly fleet: Fleet;
  readonly people: People;
  readonly senders: Senders;
  readonly replies: Replies;
  readonly meter: Meter;
  readonly outgoing: Outgoing;
  /** A new random id for every life of a counter [O1]. */
  readonly newEpoch: () => string;
  /** The store has broken for good; nothing more can be promised. */
  readonly fatal: (error: unknown) => void;
  readonly warn: (message: string, error: unknown) => void;
}

/** What a commit that is on its way will have to tell, once it is durable. */
interface Told {
  readonly effects: Effects;
  readonly progress: readonly { sender: number; driverId: string; stream: string; upTo: number }[];
  readonly cursors: readonly { partition: number; from: number; to: number }[];
  readonly oldest: number;
  /** When it began, epoch ms. */
  readonly begun: number;
  /** Whether something is to go out because of it. */
  readonly outgoing: boolean;
}

/**
 * The single writer: applies the commands of its partitions in order, publishes what follows at once, and stores
 * it in group commits. Whoever asked is answered when it is durable.
 */
export class Engine {
  readonly #parts: EngineParts;
  readonly #residents: Residents;
  /** Commands that wait for a driver to be loaded, per partition; null when none do. */
  readonly #waiting: (LogEntry[] | null)[] = new Array(PARTITIONS).fill(null);
  readonly #applied: number[] = new Array(PARTITIONS).fill(0);
  readonly #committed: number[] = new Array(PARTITIONS).fill(0);
  readonly #whole = new Set<Driver>();
  #pending = noEffects();
  /** What goes out for the pending events. */
  #messages: OutgoingMessage[] = [];
  #moved = false;
  /** When the oldest command of the turn, and of the pending commit, was appended; 0 for none. Monotonic ms. */
  #oldestInTurn = 0;
  #oldestPending = 0;
  /** Commits begun before this are durable, epoch ms. */
  #durable = 0;
  #inFlight = 0;
  #flushTimer: NodeJS.Timeout | undefined;
  #lastFlush = 0;
  #pause = COMMIT_EVERY_MS;
  #idle: (() => void)[] = [];
  #stopTimers: (() => void)[] = [];

  constructor(parts: EngineParts) {
    this.#parts = parts;
    this.#residents = new Residents(parts);
  }

  /** Goes on where the store says the last owner stopped. */
  async start(): Promise<void> {
    const { log, store, clock } = this.#parts;
    const { cursors, outbox, online } = await store.resume();
    cursors.forEach((cursor, partition) => {
      this.#applied[partition] = cursor;
      this.#committed[partition] = cursor;
    });
    log.consume(cursors, (entries) => this.#take(entries));
    this.dispatch(outbox);
    this.#stopTimers = [clock.every(SWEEP_EVERY_MS, () => this.#sweep()), clock.every(TELL_STALLED_EVERY_MS, () => this.#tellStalled())];
    // Not awaited: serving starts at once, and those who were online are found silent in time [D2].
    void this.#residents.wakeAll(online);
  }

  /** The driver's state, loaded if the store knows it. For looking only. */
  wake(driverId: string): Promise<Driver | undefined> {
    return this.#residents.wake(driverId);
  }

  /** Resolves once everything appended so far is durable. */
  async drain(): Promise<void> {
    if (this.#isIdle()) return;
    await new Promise<void>((resolve) => this.#idle.push(resolve));
  }

  /** Stores every driver whole and stops. */
  async close(): Promise<void> {
    for (const stop of this.#stopTimers.splice(0)) stop();
    await this.drain();
    for (const driver of this.#residents.dirty()) this.#whole.add(driver);
    this.#schedule();
    await this.drain();
  }

  #take(entries: readonly LogEntry[]): void {
    for (const entry of entries) {
      const waiting = this.#waiting[entry.partition];
      if (waiting) {
        waiting.push(entry);
        continue;
      }
      const resident = this.#residents.get(entry.command.driverId);
      if (resident === undefined) {
        this.#waiting[entry.partition] = [entry];
        void this.#load(entry.partition);
        continue;
      }
      this.#apply(resident, entry);
    }
    this.#tell();
  }

  #apply(resident: Resident, { partition, position, command, appendedAt }: LogEntry): void {
    if (this.#oldestInTurn === 0) this.#oldestInTurn = appendedAt;
    resident.dirty = true;
    if (command.kind === 'tick') resident.tickQueued = false;
    try {
      advance(resident.driver, command, position, this.#parts.rules, this.#pending);
    } catch (error) {
      this.#setAside(command, error);
    }
    this.#applied[partition] = position;
    this.#moved = true;
    this.#parts.fleet.moved(resident.driver);
  }

  /** A command that breaks the engine is a fault of ours: it is refused, told, and its neighbours go on. */
  #setAside(command: Command, error: unknown): void {
    this.#parts.warn(`a ${command.kind} command of ${command.driverId} could not be applied and was set aside; please report this`, error);
    const { answers, remarks } = this.#pending;
    answers.push({ reply: command.reply, kind: 'error', code: 'internal', message: 'this could not be applied' });
    if (command.kind !== 'fixes' || command.stream === null) return;
    const { sender, driverId, stream } = command;
    for (const { seq } of command.fixes) {
      if (seq !== null)
        remarks.push({ sender, driverId, stream, seq, kind: 'rejected', code: 'internal', message: 'this could not be applied' });
    }
  }

  /** Everything that need not wait for the commit goes out now. */
  #tell(): void {
    const { bus, hot, fleet, people, senders, meter, outgoing } = this.#parts;
    const { published, remarks } = this.#pending;
    for (const one of published) {
      hot.append(one);
      bus.publish(one);
      if (one.type !== 'event') continue;
      fleet.happened(one.event, one.trip);
      people.happened(one.event, one.trip);
      this.#messages.push(...outgoing.of(one.event, one.trip));
    }
    for (const remark of remarks) senders.get(remark.sender)?.remark(remark);
    if (this.#oldestInTurn > 0) {
      meter.delivered(this.#oldestInTurn, published.length);
      if (this.#oldestPending === 0) this.#oldestPending = this.#oldestInTurn;
      this.#oldestInTurn = 0;
    }
    published.length = 0;
    remarks.length = 0;
    this.#schedule();
  }

  async #load(partition: number): Promise<void> {
    // The rest of this turn may bring more drivers to load in one go.
    await undefined;
    const waiting = this.#waiting[partition] ?? [];
    try {
      await this.#residents.load(new Set(waiting.map((entry) => entry.command.driverId)));
    } catch (error) {
      this.#parts.warn('drivers could not be loaded; their commands wait', error);
      setTimeout(() => void this.#load(partition), LOAD_RETRY_MS).unref();
      return;
    }
    const ready = this.#waiting[partition] ?? [];
    this.#waiting[partition] = null;
    this.#take(ready);
  }

  #schedule(): void {
    if (this.#flushTimer !== undefined || this.#inFlight >= COMMITS_IN_FLIGHT) return;
    if (!this.#moved && this.#whole.size === 0) {
      if (this.#isIdle()) for (const resolve of this.#idle.splice(0)) resolve();
      return;
    }
    const wait = Math.max(0, this.#lastFlush + this.#pause - performance.now());
    this.#flushTimer = setTimeout(() => this.#flush(), wait);
  }

  #isIdle(): boolean {
    return !this.#moved && this.#whole.size === 0 && this.#inFlight === 0 && this.#parts.log.backlog() === 0;
  }

  #flush(): void {
    this.#flushTimer = undefined;
    this.#lastFlush = performance.now();
    const effects = this.#pending;
    const messages = this.#messages;
    this.#pending = noEffects();
    this.#messages = [];
    this.#moved = false;
    const cursors: { partition: number; from: number; to: number }[] = [];
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const from = this.#committed[partition] as number;
      const to = this.#applied[partition] as number;
      if (to > from) cursors.push({ partition, from, to });
      this.#committed[partition] = to;
    }
    const progress = this.#tellAccepted(effects);
    for (const driver of effects.changed) this.#whole.add(driver);
    const told: Told = {
      effects,
      progress,
      cursors,
      oldest: this.#oldestPending,
      begun: this.#parts.clock.now(),
      outgoing: messages.length > 0,
    };
    this.#oldestPending = 0;
    this.#inFlight++;
    const { rows, events, outbox, outboxDone, trips, removedTrips } = effects;
    this.#pause = rows.length > BUSY_ROWS ? BUSY_COMMIT_EVERY_MS : COMMIT_EVERY_MS;
    const commit = this.#parts.store.commit({
      rows,
      events,
      outbox,
      outboxDone,
      messages,
      trips,
      removedTrips,
      snapshots: this.#whole,
      cursors,
    });
    this.#residents.storedWhole(this.#whole);
    this.#whole.clear();
    commit.then((result) => this.#stored(told, result), this.#parts.fatal);
  }

  /** The watermarks of what is in the log; what they are now is also what this commit will have stored [A2]. */
  #tellAccepted({ progress }: Effects): Told['progress'] {
    const marks: { sender: number; driverId: string; stream: string; upTo: number }[] = [];
    for (const [stream, { sender, driverId }] of progress) {
      marks.push({ sender, driverId, stream: stream.id, upTo: stream.settled });
      this.#parts.senders.get(sender)?.accepted(driverId, stream.id, stream.settled);
    }
    return marks;
  }

  /** The commit is durable: now it may be said. */
  #stored({ effects, progress, cursors, oldest, begun, outgoing }: Told, { duplicates }: Committed): void {
    const { log, senders, replies, meter } = this.#parts;
    this.#inFlight--;
    this.#durable = begun;
    for (const { partition, to } of cursors) log.trim(partition, to);
    if (duplicates.length > 0) countDuplicates(effects, duplicates);
    // Before the answers: whoever is answered may rely on the trip being on its way to its driver.
    this.dispatch(effects.outbox);
    for (const { sender, driverId, stream, upTo } of progress) senders.get(sender)?.stored(driverId, stream, upTo);
    for (const answer of effects.answers) replies.settle(answer);
    meter.stored(oldest, effects.rows.length);
    if (outgoing) this.#parts.outgoing.stored();
    this.#schedule();
  }

  /** Sends outbox entries to the partition they are for: the way of a trip to its driver [T7]. Harmless when repeated. */
  dispatch(outbox: readonly OutboxEntry[]): void {
    const { log, clock } = this.#parts;
    for (const { id, trip, previous, by, at } of outbox) {
      if (trip.driverId === null) continue;
      const command: Command = {
        kind: 'adopt',
        driverId: trip.driverId,
        receivedAt: clock.now(),
        reply: 0,
        trip: structuredClone(trip),
        previous,
        by,
        at,
        entry: id,
      };
      log.append(partitionOf(trip.driverId), command);
    }
  }

  /** While commits stall, what is accepted is still told. */
  #tellStalled(): void {
    if (this.#inFlight >= COMMITS_IN_FLIGHT) this.#tellAccepted(this.#pending);
  }

  /** Now and then: what time decides, who is to be stored whole. */
  #sweep(): void {
    const { clock, log } = this.#parts;
    const receivedAt = clock.now();
    this.#residents.sweep(this.#durable, {
      tick: ({ driver, partition }) => log.append(partition, { kind: 'tick', driverId: driver.id, receivedAt, reply: 0 }),
      whole: (driver) => this.#whole.add(driver),
    });
    this.#schedule();
  }
}

/** The store knew some of the unsure ones: the answers say so. */
function countDuplicates(effects: Effects, duplicates: readonly number[]): void {
  for (const index of duplicates) {
    const reply = effects.rows[index]?.reply ?? 0;
    if (reply === 0) continue;
    const answer = effects.answers.find((one) => one.reply === reply);
    if (answer?.kind !== 'fixes') continue;
    answer.counts.stored--;
    answer.counts.duplicates++;
  }
}
