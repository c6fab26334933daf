import { isoTime, type ServerMessage } from '@waycast/protocol';
import type { LocationPublished } from '../../core/effects.ts';
import { etasOf, type Sees } from '../../core/eta.ts';
import type { Delivery } from '../../hub/delivery.ts';
import { driverView, etaViews, eventView, fleetRowView, locationView, tripView } from '../views.ts';
import type { Codec } from '../websocket/codec.ts';
import { asciiFrame, frame } from '../websocket/frame.ts';

/** A delivery as a message of the native stream; null for what passes between connections only. ETAs of the stops that `sees` names. */
export function messageOf(delivery: Delivery, sees?: Sees): ServerMessage | null {
  switch (delivery.type) {
    case 'location':
      return locationMessage(delivery, sees);
    case 'event': {
      const { feed, epoch, seq, event, trip } = delivery;
      return { type: 'event', feed, epoch, seq, event: eventView(event), ...(trip && { trip: tripView(trip) }) };
    }
    case 'snapshot': {
      const { feed, epoch, seq, trip, driver, location, etas } = delivery;
      return {
        type: 'snapshot',
        feed,
        epoch,
        seq,
        ...(trip && { trip: tripView(trip) }),
        driver: driver === null ? null : driverView(driver),
        location: location === null ? null : locationView(location),
        etas: etaViews(etas),
      };
    }
    case 'fleet': {
      const { full, rows, gone } = delivery;
      return { type: 'positions', feed: 'fleet', full, positions: rows.map(fleetRowView), gone: [...gone] };
    }
    case 'fleet-event':
      return {
        type: 'fleet-event',
        feed: 'fleet',
        event: eventView(delivery.event),
        ...(delivery.trip && { trip: tripView(delivery.trip) }),
      };
    case 'attendance':
    case 'seat':
    case 'person':
    case 'removed':
    case 'telling':
      return null;
  }
}

function locationMessage({ feed, epoch, seq, driverId, fix, plan, now }: LocationPublished, sees?: Sees): ServerMessage {
  return {
    type: 'location',
    feed,
    epoch,
    seq,
    driver: driverId,
    ...locationView(fix),
    ...(plan && { etas: etaViews(etasOf(plan, fix, now, sees)) }),
  };
}

/**
 * The text of a location message, member by member: it is what a server mostly sends, and building the object first
 * to stringify it costs twice as much. Ids, feeds and epochs are of characters JSON need not escape.
 */
function locationText({ feed, epoch, seq, driverId, fix, plan, now }: LocationPublished): string {
  const { lat, lng, speed, bearing, accuracy, altitude, at } = fix;
  let text = `{"type":"location","feed":"${feed}","epoch":"${epoch}","seq":${seq},"driver":"${driverId}","lat":${lat},"lng":${lng},"speed":${speed},"bearing":${bearing},"accuracy":${accuracy},"altitude":${altitude},"timestamp":"${isoTime(at)}"`;
  if (plan !== null) {
    const etas = etasOf(plan, fix, now).map(
      (eta) => `{"stopId":"${eta.stopId}","seconds":${eta.seconds},"distance":${eta.distance},"at":"${isoTime(eta.at)}"}`,
    );
    text += `,"etas":[${etas.join(',')}]`;
  }
  return `${text}}`;
}

let lastDelivery: Delivery | undefined;
let lastFrame: Buffer | null = null;

/** The frame of a delivery, made once for all who get it: watchers of one feed are served one after the other. */
export function frameOf(delivery: Delivery): Buffer | null {
  if (delivery === lastDelivery) return lastFrame;
  if (delivery.type === 'location') lastFrame = asciiFrame(locationText(delivery));
  else lastFrame = ownFrameOf(delivery);
  lastDelivery = delivery;
  return lastFrame;
}

/** The frame of a delivery for one client alone, with the ETAs of the stops that `sees` names. */
export function ownFrameOf(delivery: Delivery, sees?: Sees): Buffer | null {
  const message = messageOf(delivery, sees);
  return message === null ? null : frame(JSON.stringify(message));
}

/** The native stream's words, the same for all. */
export const nativeCodec: Codec = {
  frameOf,
  conflated: (feed, epoch, from, to) => frame(JSON.stringify({ type: 'conflated', feed, epoch, from, to } satisfies ServerMessage)),
};
