import { setTimeout as pause } from 'node:timers/promises';
import { isId, WaycastError } from '@waycast/protocol';
import { mustErase } from './access.ts';
import type { DriverStates } from './driver-states.ts';
import { ErasingArchive } from './erasing-archive.ts';
import { partitionOf } from './partition.ts';
import type { Clock, Hot, Log, Mirror } from './ports.ts';
import type { Principal } from './principal.ts';
import type { Replies } from './replies.ts';
import type { Eraser, Erasure, ErasurePart, ErasureWork } from './storage-ports.ts';
import { Waits } from './waits.ts';

/** What can be asked for; and what nobody can ask for any more. Messages before events: these tell who drove a trip. */
const SHOWN: readonly ErasurePart[] = ['messages', 'trips', 'events', 'sessions'];
const BEHIND: readonly ErasurePart[] = ['commands', 'fixes', 'streams'];
/** Whether there is something to do is looked this often, ms. */
const LOOK_MS = 5_000;
/** What was on its way has arrived by then, and is looked for once more, ms. */
const LATE_MS = 10_000;
/** What has to be waited for is looked at again after this long, then twice as long, up to this, ms. */
const HELD_MS = 5_000;
const HELD_LONGEST_MS = 300_000;
/** Whoever asked waits so long until nothing shows any more, and looks so often, ms. */
const PATIENCE_MS = 20_000;
const GLANCE_MS = 20;

export interface ErasingParts {
  readonly eraser: Eraser;
  readonly log: Log;
  readonly hot: Hot;
  readonly mirror?: Mirror | undefined;
  readonly states: DriverStates;
  readonly replies: Replies;
  readonly clock: Clock;
  readonly eraseArchived?: ((driver: string, before: number) => Promise<boolean>) | undefined;
  readonly erased?: ((report: ErasedReport) => void) | undefined;
  readonly warn: (message: string, error: unknown) => void;
}

/** What became of a driver's data, for the log: how many rows went or have nothing of it any more, and in how many ms. */
export type ErasedReport = Readonly<Record<ErasurePart | 'ms', number>>;

/** How far one is, in this process; after a restart it begins anew, which does no harm. */
interface Progress {
  stage: 'stored' | 'late';
  readonly rows: Record<ErasurePart, number>;
  /** Trips it is gone from. */
  readonly trips: Set<string>;
  /** Parts in which something had to be waited for when they were last looked through. */
  held: readonly ErasurePart[];
  readonly waits: Waits;
}

/** Takes out everything there is of a driver: what shows before it answers, the rest in small steps behind [I10-I15]. */
export class Erasing {
  readonly #parts: ErasingParts;
  readonly #progress = new Map<number, Progress>();
  readonly #archive: ErasingArchive;
  readonly #stop: () => void;
  #working: Promise<void> | null = null;
  #isClosing = false;

  constructor(parts: ErasingParts) {
    this.#parts = parts;
    this.#archive = new ErasingArchive({ ...parts, ended: () => this.#work() });
    this.#stop = parts.clock.every(LOOK_MS, () => this.#work());
  }

  /**
   * Answers once nothing of the driver can be asked for any more.
   * @throws WaycastError `forbidden`, `not_found`, `driver_has_trips`, `storage_unavailable`: asking again is safe
   */
  async erase(who: Principal, driverId: string): Promise<Erasure> {
    mustErase(who);
    const { states, log, replies, clock } = this.#parts;
    const isKnown = isId(driverId) && (await states.look(driverId)) !== undefined;
    if (!isKnown && (await this.#newest(driverId)) === undefined) throw new WaycastError('not_found', 'no such driver');
    if (isKnown)
      await replies.ask('done', (reply) => log.append(partitionOf(driverId), { kind: 'erase', driverId, receivedAt: clock.now(), reply }));
    return await this.#hidden(driverId);
  }

  /** Leaves the rest to whoever comes next. Twice is safe. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#stop();
    this.#archive.close();
    await this.#working;
  }

  async #newest(driverId: string): Promise<Erasure | undefined> {
    return (await this.#parts.eraser.pending()).findLast(({ driver }) => driver === driverId);
  }

  async #hidden(driverId: string): Promise<Erasure> {
    const deadline = performance.now() + PATIENCE_MS;
    let last: Erasure | undefined;
    while (performance.now() < deadline && !this.#isClosing) {
      const newest = await this.#newest(driverId);
      // It is done already.
      if (newest === undefined && last !== undefined) return last;
      last = newest;
      if (newest?.hidden === true) return newest;
      this.#work();
      await pause(GLANCE_MS);
    }
    throw new WaycastError('storage_unavailable', 'the erasure goes on; ask again', { retryAfter: 5 });
  }

  #work(): void {
    if (this.#isClosing) return;
    this.#working ??= this.#all().finally(() => {
      this.#working = null;
    });
  }

  async #all(): Promise<void> {
    const { eraser, warn } = this.#parts;
    try {
      if ((await eraser.pending()).length === 0) return;
      const work = await eraser.begin();
      if (work === null) return;
      try {
        await this.#hideAll(work);
        const pending = await eraser.pending();
        this.#forgetOthers(pending);
        for (const erasure of pending) await this.#goOn(work, erasure);
      } finally {
        await work.end();
      }
    } catch (error) {
      if (!this.#isClosing) warn('the store did not let driver data be erased; it is tried again', error);
    }
  }

  /** Who waits for an answer waits for these. */
  async #hideAll(work: ErasureWork): Promise<void> {
    for (const erasure of await this.#parts.eraser.pending()) if (!erasure.hidden) await this.#hide(work, erasure);
  }

  async #hide(work: ErasureWork, erasure: Erasure): Promise<void> {
    for (const part of SHOWN) await this.#part(work, erasure, part);
    if (this.#isClosing) return;
    await this.#wipe(erasure);
    await work.hide(erasure);
  }

  async #goOn(work: ErasureWork, erasure: Erasure): Promise<void> {
    const progress = this.#of(erasure);
    if (progress.stage === 'stored') {
      await this.#behind(work, erasure, BEHIND);
      if (this.#isClosing) return;
      progress.stage = 'late';
    }
    const { clock, erased } = this.#parts;
    const now = clock.now();
    const ms = now - erasure.at;
    if (!this.#archive.isDone(erasure) || ms < LATE_MS || !progress.waits.isOver(now)) return;
    if (await this.#isHeld(work, erasure, progress)) {
      progress.waits.begin(now);
      return;
    }
    if (this.#isClosing) return;
    for (const tripId of progress.trips) this.#clearTrip(tripId);
    await this.#wipe(erasure);
    await work.done(erasure);
    this.#forget(erasure.n);
    erased?.({ ...progress.rows, ms });
  }

  /** Looks through what had to be waited for, and through all when that has ended. Answers whether something has to be waited for. */
  async #isHeld(work: ErasureWork, erasure: Erasure, progress: Progress): Promise<boolean> {
    progress.held = await this.#behind(work, erasure, progress.held);
    if (progress.held.length === 0) progress.held = await this.#behind(work, erasure, [...SHOWN, ...BEHIND]);
    return progress.held.length > 0;
  }

  /** Parts for which nobody waits; between their steps those come first for which somebody does. Answers which were held. */
  async #behind(work: ErasureWork, erasure: Erasure, parts: readonly ErasurePart[]): Promise<ErasurePart[]> {
    const held: ErasurePart[] = [];
    for (const part of parts) if (await this.#part(work, erasure, part, () => this.#hideAll(work))) held.push(part);
    return held;
  }

  /** Answers whether something of it has to be looked at again. `first`: what is done before each step. */
  async #part(work: ErasureWork, erasure: Erasure, part: ErasurePart, first?: () => Promise<void>): Promise<boolean> {
    const { rows: counts, trips: seen } = this.#of(erasure);
    let isHeld = false;
    for (let after: string | null = null; !this.#isClosing; ) {
      await first?.();
      const began = performance.now();
      const { rows, trips, held, next } = await work.some(erasure, part, after);
      counts[part] += rows;
      isHeld ||= held;
      for (const tripId of trips) {
        seen.add(tripId);
        this.#clearTrip(tripId);
      }
      if (next === null) break;
      after = next;
      // As long as it took: half of the store is always the others'.
      await pause(performance.now() - began);
    }
    return isHeld;
  }

  #clearTrip(tripId: string): void {
    const { hot, mirror } = this.#parts;
    hot.clear(`trip:${tripId}`);
    void mirror?.forget({ tripId });
  }

  /**
   * Whoever had the driver may have ended before what it wrote elsewhere was removed [I11].
   * @throws Error when that cannot be done now
   */
  async #wipe({ driver, at }: Erasure): Promise<void> {
    const { hot, mirror } = this.#parts;
    if (!(await hot.wipe(driver, at))) return;
    if ((await mirror?.forget({ driverId: driver })) === false)
      throw new Error('what other services read of a driver could not be removed');
  }

  #of({ n }: Erasure): Progress {
    let progress = this.#progress.get(n);
    if (progress === undefined) {
      const rows = { messages: 0, trips: 0, events: 0, sessions: 0, commands: 0, fixes: 0, streams: 0 };
      progress = { stage: 'stored', rows, trips: new Set(), held: [], waits: new Waits(HELD_MS, HELD_LONGEST_MS) };
      this.#progress.set(n, progress);
    }
    return progress;
  }

  /** Another process was done with these. */
  #forgetOthers(pending: readonly Erasure[]): void {
    const open = new Set(pending.map(({ n }) => n));
    for (const n of this.#progress.keys()) if (!open.has(n)) this.#forget(n);
  }

  #forget(n: number): void {
    this.#progress.delete(n);
    this.#archive.forget(n);
  }
}
