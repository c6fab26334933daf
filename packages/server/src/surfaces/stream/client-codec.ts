import type { SeenDriver } from '../../core/driver.ts';
import { mayHear, seesAllOf, seesStop, tripFor } from '../../hub/access.ts';
import type { Delivery, Snapshot } from '../../hub/delivery.ts';
import type { Principal } from '../../hub/principal.ts';
import type { Codec } from '../websocket/codec.ts';
import { frameOf, nativeCodec, ownFrameOf } from './encode.ts';

/**
 * The native stream's words for one client: events that are not for it are marked as left out [H5], stops that are not
 * for it do not appear [S3]. Whoever sees everything shares the frame made for all.
 */
export class ClientCodec implements Codec {
  readonly conflated = nativeCodec.conflated;
  readonly #who: () => Principal;

  /** `who` is asked anew each time: a fresh token may say more or less than the one before. */
  constructor(who: () => Principal) {
    this.#who = who;
  }

  frameOf(delivery: Delivery): Buffer | null {
    const who = this.#who();
    switch (delivery.type) {
      case 'location': {
        const { plan } = delivery;
        return plan === null || seesAllOf(who, plan.stops) ? frameOf(delivery) : ownFrameOf(delivery, (stop) => seesStop(who, stop));
      }
      case 'event': {
        const { event, trip, feed, epoch, seq } = delivery;
        if (!mayHear(who, event)) return this.conflated(feed, epoch, seq, seq);
        if (trip === null) return frameOf(delivery);
        const theirs = tripFor(who, trip);
        return theirs === trip ? frameOf(delivery) : ownFrameOf({ ...delivery, trip: theirs });
      }
      case 'snapshot': {
        const theirs = snapshotFor(who, delivery);
        return theirs === delivery ? frameOf(delivery) : ownFrameOf(theirs);
      }
      default:
        return frameOf(delivery);
    }
  }
}

function snapshotFor(who: Principal, snapshot: Snapshot): Snapshot {
  if (snapshot.trip === null) return snapshot;
  const trip = tripFor(who, snapshot.trip);
  const driver = driverFor(who, snapshot);
  if (trip === snapshot.trip && driver === snapshot.driver) return snapshot;
  const seen = new Set(trip.stops.map(({ id }) => id));
  return { ...snapshot, trip, driver, etas: snapshot.etas.filter(({ stopId }) => seen.has(stopId)) };
}

/** Which other trips a driver has is nothing for those whom one of them concerns. */
function driverFor({ role }: Principal, { driver, trip }: Snapshot): SeenDriver | null {
  if (driver === null || (role !== 'passenger' && role !== 'merchant') || driver.trips.length <= 1) return driver;
  return { ...driver, trips: driver.trips.filter((active) => active.trip.id === trip?.id) };
}
