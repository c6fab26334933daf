import { randomBytes } from 'node:crypto';
import { isId, type TripStatus, WaycastError } from '@waycast/protocol';
import { endedAt, isOpenTrip, newTrip, type Trip } from '../core/trip.ts';
import { mayReadTrip, mustCreate } from './access.ts';
import type { DriverStates } from './driver-states.ts';
import type { Ingest } from './ingest.ts';
import type { Page } from './page.ts';
import type { Clock } from './ports.ts';
import type { Principal } from './principal.ts';
import type { Records } from './storage-ports.ts';
import { actor, type Trips } from './trips.ts';

const VIA = 'delivery';
/** From its start, and from its end, ms [Y8]. */
const LIFE_MS = 24 * 3_600_000;
const AFTERLIFE_MS = 3_600_000;
const STATS_FOR_MS = 1_000;
const JUST_NOW_MS = 300_000;
const LATELY_MS = 3_600_000;
/** 160 bits. */
const ID_BYTES = 20;
const BASE32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
/** Public reads rest on nobody guessing an id: one that somebody chose has to look as random, 130 bits at least [Y2]. */
const SESSION_ID = /^TRK-[A-Z2-7]{26,60}$/;

export interface SessionInput {
  readonly orderId: string;
  readonly riderId: string;
  readonly dropoff: { readonly lat: number; readonly lng: number };
  readonly phone: string | null;
}

export interface SessionUpdate {
  readonly lat: number;
  readonly lng: number;
  readonly status: TripStatus | null;
}

/** Sessions that have not expired, without cancelled ones [Y11]. */
export interface SessionStats {
  readonly total: number;
  readonly byStatus: ReadonlyMap<TripStatus, number>;
  /** By the last change: within 5 minutes; before that within an hour; earlier. */
  readonly byAge: { readonly justNow: number; readonly lately: number; readonly older: number };
}

export interface SessionsParts {
  readonly trips: Trips;
  readonly ingest: Ingest;
  readonly records: Records;
  readonly states: DriverStates;
  readonly clock: Clock;
}

/** Whether a trip is a tracking session: the delivery of an order, under an id that cannot be guessed [Y2]. */
export function isSession({ id, kind, order, stops }: Trip): boolean {
  return kind === 'delivery' && order !== null && SESSION_ID.test(id) && stops.some(({ type }) => type === 'dropoff');
}

/** When a session stops being there, epoch ms [Y8]. */
export function sessionEndsAt(trip: Trip): number {
  const over = endedAt(trip);
  return Math.min(trip.createdAt + LIFE_MS, over === null ? Number.POSITIVE_INFINITY : over + AFTERLIFE_MS);
}

/** Tracking sessions: deliveries of orders, found by ids that are public, for a day. Who may do what with them is decided here [Y3]. */
export class Sessions {
  readonly #parts: SessionsParts;
  #stats: { readonly at: number; readonly counted: Promise<SessionStats> } | null = null;

  constructor(parts: SessionsParts) {
    this.#parts = parts;
  }

  /**
   * Starts to track an order, or finds the session that does so already [Y5].
   * @throws WaycastError `forbidden`, `trip_exists` when the order is on its way in another manner
   */
  async start(who: Principal, input: SessionInput): Promise<Trip> {
    const { clock, trips } = this.#parts;
    const now = clock.now();
    const wanted = sessionTrip(input, now);
    mustStart(who, wanted);
    const { trip } = await trips.createForOrder(actor(who, VIA), wanted, now - LIFE_MS);
    if (!mayReadTrip(who, trip)) throw new WaycastError('forbidden', 'another rider has this order');
    if (!isSession(trip))
      throw new WaycastError('trip_exists', `the order is delivered by the trip ${trip.id}, which is no tracking session`);
    return trip;
  }

  /** @throws WaycastError `not_found`, `session_expired` */
  async find(id: string): Promise<Trip> {
    const found = await this.#parts.trips.look(id);
    if (found === null || !isSession(found.trip)) throw new WaycastError('not_found', 'no such tracking session');
    if (this.#parts.clock.now() >= sessionEndsAt(found.trip)) throw new WaycastError('session_expired');
    return found.trip;
  }

  /** The newest session a rider has open. */
  async ofRider(who: Principal, riderId: string): Promise<Trip> {
    mustSeeRider(who, riderId);
    if (!isId(riderId)) throw new WaycastError('not_found', 'no such rider');
    const { records, trips, clock } = this.#parts;
    const createdAfter = clock.now() - LIFE_MS;
    let cursor: string | null = null;
    do {
      const page: Page<Trip> = await records.trips({ driverId: riderId, kind: 'delivery', open: true, createdAfter }, 20, cursor);
      for (const { id } of page.items) {
        const trip = (await trips.look(id))?.trip;
        if (trip !== undefined && isSession(trip) && trip.driverId === riderId && isOpenTrip(trip)) return trip;
      }
      cursor = page.cursor;
    } while (cursor !== null);
    throw new WaycastError('not_found', 'this rider has no session now');
  }

  /**
   * Takes a position and then a status, each answered once it is stored, each whatever becomes of the other [Y7]. Answers
   * the session as it is then, and whether the position was suspect.
   * @throws WaycastError `not_found`, `session_expired`, `forbidden`, `rate_limited`, `illegal_transition`, `storage_unavailable`
   */
  async update(who: Principal, id: string, { lat, lng, status }: SessionUpdate): Promise<{ trip: Trip; suspect: boolean }> {
    const before = await this.find(id);
    if (who.role !== 'admin' && !isRider(who, before.driverId)) throw new WaycastError('forbidden', 'not the rider of this session');
    if (before.driverId === null) throw new WaycastError('revision_conflict', 'the session has no rider now');
    const { ingest, trips } = this.#parts;
    // Riders send the status with every position, and the same again asks nothing of the store.
    const { suspect } =
      status === null || status === before.status
        ? await ingest.report(who, before.driverId, { lat, lng }, id)
        : await trips.status(who, id, { status, location: { lat, lng } }, VIA);
    return { trip: await this.find(id), suspect };
  }

  /** @throws WaycastError `forbidden` when it is not the rider: over a socket nobody else sends positions */
  riderOf(who: Principal | null, riderId: string | null): Principal {
    if (who === null || !isRider(who, riderId)) throw new WaycastError('forbidden', 'only the rider of this session sends locations');
    return who;
  }

  /** A rider's position at a session, on its way at once; `sender` hears when it is suspect. */
  live(rider: Principal, id: string, point: { readonly lat: number; readonly lng: number }, sender: number): void {
    const origin = { who: rider, driverId: rider.sub, stream: null, base: null, sender, apart: id };
    this.#parts.ingest.live(origin, { seq: null, input: point });
  }

  /** Counted anew after a second. */
  async stats(who: Principal): Promise<SessionStats> {
    if (who.role !== 'admin') throw new WaycastError('forbidden', `a ${who.role} does not see statistics`);
    const now = this.#parts.clock.now();
    if (this.#stats === null || now - this.#stats.at >= STATS_FOR_MS) {
      const counted = this.#count(now);
      this.#stats = { at: now, counted };
      counted.catch(() => {
        this.#stats = null;
      });
    }
    return this.#stats.counted;
  }

  /** What is in memory, here or with another process, is newer than the store. */
  async #count(now: number): Promise<SessionStats> {
    const { records, states } = this.#parts;
    const byStatus = new Map<TripStatus, number>();
    const byAge = { justNow: 0, lately: 0, older: 0 };
    let total = 0;
    const rows = await records.orderRows(now - LIFE_MS, now - AFTERLIFE_MS);
    const riders = await states.known(new Set(rows.flatMap(({ driverId }) => driverId ?? [])));
    for (const row of rows) {
      const rider = row.driverId === null ? undefined : riders.get(row.driverId);
      const { status, updatedAt } = rider?.trips.find(({ trip }) => trip.id === row.id)?.trip ?? row;
      if (!SESSION_ID.test(row.id) || status === 'CANCELLED') continue;
      total++;
      byStatus.set(status, (byStatus.get(status) ?? 0) + 1);
      const age = now - updatedAt;
      byAge[age <= JUST_NOW_MS ? 'justNow' : age <= LATELY_MS ? 'lately' : 'older']++;
    }
    return { total, byStatus, byAge };
  }
}

function sessionTrip({ orderId, riderId, dropoff, phone }: SessionInput, now: number): Trip {
  const input = {
    kind: 'delivery' as const,
    driverId: riderId,
    stops: [{ id: 'dropoff', type: 'dropoff' as const, ...dropoff }],
    orderId,
    ...(phone !== null && { phone }),
  };
  // Created once, under an id nobody else can name: there is no repeat to tell it from.
  return newTrip(sessionId(), input, VIA, now, now + LIFE_MS);
}

function sessionId(): string {
  let bits = 0n;
  for (const byte of randomBytes(ID_BYTES)) bits = (bits << 8n) | BigInt(byte);
  let text = '';
  for (let left = ID_BYTES * 8; left > 0; left -= 5) {
    text += BASE32[Number(bits & 31n)];
    bits >>= 5n;
  }
  return `TRK-${text}`;
}

function isRider(who: Principal, riderId: string | null): boolean {
  return who.role === 'driver' && who.sub === riderId;
}

function mustStart(who: Principal, trip: Trip): void {
  if (who.role === 'service' || who.role === 'admin') mustCreate(who, trip);
  else if (!isRider(who, trip.driverId))
    throw new WaycastError('forbidden', `this ${who.role} does not start sessions of ${trip.driverId}`);
}

function mustSeeRider(who: Principal, riderId: string): void {
  if (who.role !== 'merchant' && who.role !== 'admin' && !isRider(who, riderId))
    throw new WaycastError('forbidden', `this ${who.role} does not see the session of ${riderId}`);
}
