import { type ErrorCode, type FixInput, type FixReceipt, FixInput as FixSchema, validator, WaycastError } from '@waycast/protocol';
import type { NumberedFix } from '../core/commands.ts';
import { fixFrom } from '../core/fix.ts';
import { mustWriteDriver } from './access.ts';
import type { Limits } from './limits.ts';
import type { Meter } from './meter.ts';
import { partitionOf } from './partition.ts';
import type { Clock, Log } from './ports.ts';
import type { Principal } from './principal.ts';
import type { Replies } from './replies.ts';

/** A fix as a surface read it, its schema checked, and its number. */
export interface SentFix {
  readonly seq: number | null;
  readonly input: FixInput;
}

/** Who sends, for whom, under which numbering. `sender` hears the watermarks; 0 for nobody. */
export interface Origin {
  readonly who: Principal;
  readonly driverId: string;
  readonly stream: string | null;
  readonly base: number | null;
  readonly sender: number;
  /** The trip whose positions are limited apart from the driver's others; absent: none [L1]. */
  readonly apart?: string;
}

const fixSchema = validator(FixSchema);

/** Where positions come in: who may, how many, then into the log. */
export class Ingest {
  readonly #log: Log;
  readonly #clock: Clock;
  readonly #replies: Replies;
  readonly #live: Limits;
  readonly #backlog: Limits;
  readonly #meter: Meter;

  constructor(parts: { log: Log; clock: Clock; replies: Replies; live: Limits; backlog: Limits; meter: Meter }) {
    this.#log = parts.log;
    this.#clock = parts.clock;
    this.#replies = parts.replies;
    this.#live = parts.live;
    this.#backlog = parts.backlog;
    this.#meter = parts.meter;
  }

  /** Where a numbering stands; answered once that is durable [A4]. */
  async open(who: Principal, driverId: string, stream: string): Promise<{ accepted: number; stored: number }> {
    mustWriteDriver(who, driverId);
    return this.#replies.ask('opened', (reply) =>
      this.#log.append(partitionOf(driverId), { kind: 'open', driverId, receivedAt: this.#clock.now(), reply, stream }),
    );
  }

  /**
   * One live fix. What becomes of it the sender hears by its watermarks.
   * @throws WaycastError `rate_limited`, `storage_unavailable`, `not_found`, `forbidden`, `invalid_fix`
   */
  live(origin: Origin, sent: SentFix): void {
    mustWriteDriver(origin.who, origin.driverId);
    const wait = this.#live.take(paceKey(origin.driverId, origin.apart));
    if (wait > 0) throw tooFast(wait);
    const receivedAt = this.#clock.now();
    this.#append(origin, [{ seq: sent.seq, fix: fixFrom(sent.input, receivedAt) }], receivedAt, true, 0);
  }

  /** Fixes of earlier: of a backlog only the newest position is published [O6]. */
  backlog(origin: Origin, sent: readonly SentFix[]): void {
    mustWriteDriver(origin.who, origin.driverId);
    const wait = this.#backlog.take(origin.driverId, sent.length);
    if (wait > 0) throw tooFast(wait);
    const receivedAt = this.#clock.now();
    const fixes: NumberedFix[] = [];
    for (const { seq, input } of sent) {
      try {
        fixes.push({ seq, fix: fixFrom(input, receivedAt) });
      } catch (error) {
        if (!(error instanceof WaycastError)) throw error;
        this.refuse(origin, seq, error.code, error.message);
      }
    }
    if (fixes.length > 0) this.#append(origin, fixes, receivedAt, false, 0);
  }

  /** A number whose fix can never be taken: settled, and listed as rejected [A2]. */
  refuse({ driverId, stream, sender }: Origin, seq: number | null, code: ErrorCode, message: string): void {
    if (stream === null || seq === null) return;
    this.#log.append(partitionOf(driverId), {
      kind: 'refused',
      driverId,
      receivedAt: this.#clock.now(),
      reply: 0,
      stream,
      sender,
      seq,
      code,
      message,
    });
  }

  /** Fixes over REST, one live or a backlog: each is looked at alone, and the answer waits for the commit [A5]. */
  async batch(who: Principal, driverId: string, inputs: readonly unknown[], live: boolean): Promise<FixReceipt> {
    mustWriteDriver(who, driverId);
    return this.#batch(driverId, inputs, live, (count) => (live ? this.#live.take(driverId) : this.#backlog.take(driverId, count)));
  }

  /**
   * One live fix, answered once it is stored with where the driver's feed then stands; `suspect` when it is out of the question.
   * `apart`: as of an origin.
   * @throws WaycastError as `live`, `storage_unavailable` after 5 s
   */
  async report(who: Principal, driverId: string, input: FixInput, apart?: string): Promise<{ seq: number; suspect: boolean }> {
    mustWriteDriver(who, driverId);
    const wait = this.#live.take(paceKey(driverId, apart));
    if (wait > 0) throw tooFast(wait);
    const receivedAt = this.#clock.now();
    const fixes = [{ seq: null, fix: fixFrom(input, receivedAt) }];
    const { counts, seq } = await this.#stored(driverId, fixes, receivedAt, true);
    return { seq, suspect: counts.suspect > 0 };
  }

  /**
   * Where a trip was when its status was moved; who may move it has been settled [T9]. On its way when this returns;
   * answers, once stored, whether it is suspect. `moves`: the status can be taken. A trip has few of those, and they
   * come when they come: they are not held against the live limit.
   * @throws WaycastError `rate_limited`, `storage_unavailable`
   */
  async withStatus(driverId: string, tripId: string, input: FixInput, moves: boolean): Promise<boolean> {
    const take = () => (moves ? this.#backlog.take(driverId) : this.#live.take(paceKey(driverId, tripId)));
    return (await this.#batch(driverId, [input], true, take)).suspect > 0;
  }

  async #batch(driverId: string, inputs: readonly unknown[], live: boolean, take: (count: number) => number): Promise<FixReceipt> {
    const receivedAt = this.#clock.now();
    const fixes: NumberedFix[] = [];
    const places: number[] = [];
    const rejected: FixReceipt['rejected'] = [];
    inputs.forEach((input, index) => {
      const read = readFix(input, receivedAt);
      if ('code' in read) {
        rejected.push({ index, code: read.code, message: read.message, ...(read.field === undefined ? {} : { field: read.field }) });
      } else {
        fixes.push({ seq: null, fix: read });
        places.push(index);
      }
    });
    if (fixes.length === 0) return { accepted: 0, stored: 0, duplicates: 0, suspect: 0, rejected };
    const wait = take(fixes.length);
    if (wait > 0) throw tooFast(wait);
    const { counts } = await this.#stored(driverId, fixes, receivedAt, live);
    for (const { index, code, message } of counts.rejected) rejected.push({ index: places[index] as number, code, message });
    const { accepted, stored, duplicates, suspect } = counts;
    return { accepted, stored, duplicates, suspect, rejected };
  }

  /** Unnumbered fixes, answered after their commit [A5]. */
  #stored(driverId: string, fixes: readonly NumberedFix[], receivedAt: number, live: boolean) {
    const origin = { driverId, stream: null, base: null, sender: 0 };
    return this.#replies.ask('fixes', (reply) => this.#append(origin, fixes, receivedAt, live, reply));
  }

  #append(
    { driverId, stream, base, sender }: Omit<Origin, 'who'>,
    fixes: readonly NumberedFix[],
    receivedAt: number,
    live: boolean,
    reply: number,
  ): void {
    this.#log.append(partitionOf(driverId), { kind: 'fixes', driverId, receivedAt, reply, live, stream, base, sender, fixes });
    this.#meter.taken(fixes.length);
  }
}

function paceKey(driverId: string, apart: string | undefined): string {
  return apart === undefined ? driverId : `${driverId} ${apart}`;
}

function tooFast(retryAfter: number): WaycastError {
  return new WaycastError('rate_limited', `positions of this driver come too fast; again in ${retryAfter} s`, { retryAfter });
}

function readFix(input: unknown, receivedAt: number): ReturnType<typeof fixFrom> | WaycastError {
  if (!fixSchema.check(input)) {
    const { field, message } = fixSchema.failure(input);
    return new WaycastError('invalid_fix', `${field || 'fix'} ${message}`, { field });
  }
  try {
    return fixFrom(input, receivedAt);
  } catch (error) {
    if (error instanceof WaycastError) return error;
    throw error;
  }
}
