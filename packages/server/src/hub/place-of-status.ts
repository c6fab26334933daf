import { type StatusInput, WaycastError } from '@waycast/protocol';
import { wayTo } from '../core/lifecycle.ts';
import type { Rules } from '../core/rules.ts';
import type { Trip } from '../core/trip.ts';
import type { Ingest } from './ingest.ts';

/**
 * Where a trip was when its status was moved: sent once, right before the status, so that watchers hear of both in one
 * go, and kept whatever becomes of the status [T9].
 */
export class PlaceOfStatus {
  readonly #ingest: Ingest;
  readonly #tripId: string;
  readonly #driverId: string | null;
  readonly #place: StatusInput['location'];
  /** Whether the status can be taken; whether it is the one there is. */
  readonly #moves: boolean;
  readonly #repeats: boolean;
  #kept: Promise<[PromiseSettledResult<boolean>]> | null = null;

  /** Of a trip as it stands before. */
  constructor(ingest: Ingest, { id, kind, status, driverId }: Trip, input: StatusInput, { deliveriesMayJump }: Rules) {
    this.#ingest = ingest;
    this.#tripId = id;
    this.#driverId = driverId;
    this.#place = input.location;
    this.#repeats = status === input.status;
    this.#moves = !this.#repeats && wayTo(kind, status, input.status, deliveriesMayJump) !== null;
  }

  /** `at`: when the status takes effect, epoch ms. */
  send(at: number): void {
    if (this.#kept !== null || this.#place === undefined || this.#driverId === null) return;
    const place = { ...this.#place, timestamp: at };
    this.#kept = Promise.allSettled([this.#ingest.withStatus(this.#driverId, this.#tripId, place, this.#moves)]);
  }

  /**
   * Once the status is settled: whether the place was suspect.
   * @throws WaycastError why it was refused; `rate_limited` only when the status asked for nothing, else the status is what counts
   */
  async settled(): Promise<boolean> {
    const [kept] = (await this.#kept) ?? [];
    if (kept?.status !== 'rejected') return kept?.value ?? false;
    const { reason } = kept;
    if (reason instanceof WaycastError && reason.code === 'rate_limited' && !this.#repeats) return false;
    throw reason;
  }
}
