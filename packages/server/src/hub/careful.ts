import type { Command } from '../core/commands.ts';
import { type Batch, type Commits, newBatch } from './commits.ts';
import type { LogEntry } from './ports.ts';
import type { Resident, Residents } from './residents.ts';
import { answerRefused, keepAside, REFUSED, setAside } from './set-aside.ts';
import type { Store } from './storage-ports.ts';

/** So often a command is tried, then it is set aside [P6]. */
const TRIES = 5;
/** And if even its refusal cannot be stored, it is passed over. */
const REFUSALS = 5;
/** What cannot be noted either is tried again after this, then after twice as long, ms; at most after that. */
const REST_MS = 1_000;
const LONGEST_REST_MS = 30_000;
/** Without any more trouble in so many commands a partition is handled as all others. */
const CONVINCED = 200;

/** So far the clocks of processes may be apart, ms. */
const SKEW_MS = 2_000;

export interface CarefulParts {
  readonly store: Store;
  readonly commits: Commits;
  readonly residents: Residents;
  readonly apply: (resident: Resident, entry: LogEntry, batch: Batch) => void;
  readonly tell: (batch: Batch) => void;
  /** These need no care any more. */
  readonly goOn: (entries: readonly LogEntry[]) => void;
  /** It failed again: the partition has to begin anew. */
  readonly broken: (partition: number, error: unknown) => void;
  /** Epoch ms. */
  readonly now: () => number;
  readonly pause: (ms: number) => Promise<unknown>;
  /** Something is lost, set aside or broken: it needs somebody. */
  readonly error: (message: string, error: unknown) => void;
}

interface Patient {
  queue: LogEntry[];
  working: boolean;
  /** Commands that went well in a row. */
  well: number;
  /** What the last failure said. */
  readonly error: string;
  /** When it was taken into care, epoch ms. */
  readonly since: number;
}

/**
 * Partitions in which something could not be applied or stored. Their commands are applied and stored one at a time, each
 * try noted durably before it is made, so that the one that does the harm is found, even if it takes the process down.
 */
export class Careful {
  readonly #parts: CarefulParts;
  readonly #patients = new Map<number, Patient>();

  constructor(parts: CarefulParts) {
    this.#parts = parts;
  }

  /** From now on, and from where the log is read next. */
  enter(partition: number, error = 'its owners died'): void {
    this.#patients.set(partition, { queue: [], working: false, well: 0, error, since: this.#parts.now() });
  }

  leave(partition: number): void {
    this.#patients.delete(partition);
  }

  /** It is read again from its cursor: what waits here comes again, and still needs care. */
  again(partition: number): void {
    const patient = this.#patients.get(partition);
    if (patient !== undefined) this.#patients.set(partition, { ...patient, queue: [], working: false, well: 0 });
  }

  has(partition: number): boolean {
    return this.#patients.has(partition);
  }

  isIdle(): boolean {
    for (const { queue, working } of this.#patients.values()) if (working || queue.length > 0) return false;
    return true;
  }

  /** Answers whether the entry is seen to here. */
  take(entry: LogEntry): boolean {
    const patient = this.#patients.get(entry.partition);
    if (patient === undefined) return false;
    if (!patient.working && patient.queue.length === 0 && isBeyondDoubt(patient, entry)) {
      this.#patients.delete(entry.partition);
      return false;
    }
    patient.queue.push(entry);
    if (!patient.working) void this.#work(entry.partition, patient);
    return true;
  }

  async #work(partition: number, patient: Patient): Promise<void> {
    patient.working = true;
    try {
      for (let entry = patient.queue.shift(); entry !== undefined; entry = patient.queue.shift()) {
        await this.#one(partition, patient, entry);
        // It began anew meanwhile, or is somebody else's.
        if (this.#patients.get(partition) !== patient) return;
        const [next] = patient.queue;
        if (++patient.well < CONVINCED && (next === undefined || !isBeyondDoubt(patient, next))) continue;
        // The rest need not wait for an end of the queue, which a busy partition may never see.
        this.#patients.delete(partition);
        this.#parts.goOn(patient.queue.splice(0));
        return;
      }
    } catch (error) {
      if (this.#patients.get(partition) === patient) this.#parts.broken(partition, error);
    } finally {
      patient.working = false;
    }
  }

  async #one(partition: number, patient: Patient, entry: LogEntry): Promise<void> {
    const { store, residents, commits, apply, tell, now } = this.#parts;
    const { command } = entry;
    const { driverId } = command;
    // First who it is for: only what is tried with the command itself counts.
    const known = residents.damage(driverId);
    if (known === undefined) await residents.load([driverId]);
    // What was known is not asked for again: it may have run out just now, with nobody brought in.
    const damage = known ?? residents.damage(driverId);
    const tries = damage === undefined ? await store.tried(partition, entry.position) : TRIES;
    const resident = residents.get(driverId);
    const vain = tries - TRIES - REFUSALS - 1;
    if (vain > 0) await this.#rest(command, vain);
    if (this.#patients.get(partition) !== patient) return;
    const batch = newBatch();
    if (damage !== undefined) setAside(entry, damage, now(), batch);
    else if (resident === undefined) return;
    else if (tries <= TRIES) apply(resident, entry, batch);
    else this.#setAside(resident, entry, batch, tries, patient.error);
    tell(batch);
    commits.alone(batch);
    // Whether it was stored shows in who is a patient: a failure begins the partition anew.
    await commits.settled();
  }

  /** Neither the log nor the store is to be filled by what cannot be mended here. */
  async #rest({ kind, driverId }: Command, vain: number): Promise<void> {
    const ms = Math.min(LONGEST_REST_MS, REST_MS * 2 ** (vain - 1));
    this.#parts.error(
      `a ${kind} command of ${driverId} can be neither stored nor set aside: its partition stands still; tried again in ${ms / 1_000} s`,
      null,
    );
    await this.#parts.pause(ms);
  }

  /** The command is kept for whoever looks into it; its sender hears that it was refused. */
  #setAside(resident: Resident, entry: LogEntry, batch: Batch, tries: number, error: string): void {
    const { command } = entry;
    if (tries === TRIES + 1)
      this.#parts.error(
        `a ${command.kind} command of ${command.driverId} is set aside after ${TRIES} tries: see the table set_aside`,
        error,
      );
    keepAside(entry, error, this.#parts.now(), batch);
    if (tries > TRIES + REFUSALS) return;
    for (const refusal of refusalsOf(command)) this.#parts.apply(resident, { ...entry, command: refusal }, batch);
    answerRefused(command, batch);
  }
}

/** What did the harm was there when the partition was taken into care. */
function isBeyondDoubt({ since }: Patient, { command }: LogEntry): boolean {
  return command.receivedAt > since + SKEW_MS;
}

/** Its numbers are settled as rejected [A2]. */
function refusalsOf(command: Command): Command[] {
  if (command.kind !== 'fixes' || command.stream === null) return [];
  const { driverId, receivedAt, stream, sender } = command;
  return command.fixes.flatMap(({ seq }): Command[] =>
    seq === null ? [] : [{ kind: 'refused', driverId, receivedAt, reply: 0, stream, sender, seq, code: 'internal', message: REFUSED }],
  );
}
