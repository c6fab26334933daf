import { isoTime, type ServerMessage } from '@waycast/protocol';
import type { LocationPublished } from '../../core/effects.ts';
import { etasOf } from '../../core/eta.ts';
import type { Delivery } from '../../hub/delivery.ts';
import { driverView, etaViews, eventView, fleetRowView, locationView, tripView } from '../views.ts';

/** A delivery as a message of the native stream. */
export function messageOf(delivery: Delivery): ServerMessage {
  switch (delivery.type) {
    case 'location':
      return locationMessage(delivery);
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
  }
}

function locationMessage({ feed, epoch, seq, driverId, fix, plan, now }: LocationPublished): ServerMessage {
  return {
    type: 'location',
    feed,
    epoch,
    seq,
    driver: driverId,
    ...locationView(fix),
    ...(plan && { etas: etaViews(etasOf(plan, fix, now)) }),
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

/** The JSON of a delivery. */
export function textOf(delivery: Delivery): string {
  return delivery.type === 'location' ? locationText(delivery) : JSON.stringify(messageOf(delivery));
}

let lastDelivery: Delivery | undefined;
let lastFrame: Buffer | undefined;

/** The frame of a delivery, made once for all who get it: watchers of one feed are served one after the other. */
export function frameOf(delivery: Delivery): Buffer {
  if (delivery === lastDelivery && lastFrame !== undefined) return lastFrame;
  lastFrame = delivery.type === 'location' ? asciiFrame(locationText(delivery)) : frame(textOf(delivery));
  lastDelivery = delivery;
  return lastFrame;
}

/** An unmasked text frame, header and payload in one buffer so that it is one write (RFC 6455, 5.2). */
export function frame(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const buffer = withHeader(length);
  buffer.write(text, buffer.length - length);
  return buffer;
}

/** The same for text known to be ASCII, whose length needs no counting. */
function asciiFrame(text: string): Buffer {
  const buffer = withHeader(text.length);
  buffer.write(text, buffer.length - text.length, 'latin1');
  return buffer;
}

function withHeader(length: number): Buffer {
  if (length < 126) {
    const buffer = Buffer.allocUnsafe(2 + length);
    buffer[0] = 0x81;
    buffer[1] = length;
    return buffer;
  }
  if (length < 65_536) {
    const buffer = Buffer.allocUnsafe(4 + length);
    buffer[0] = 0x81;
    buffer[1] = 126;
    buffer[2] = length >>> 8;
    buffer[3] = length & 0xff;
    return buffer;
  }
  const buffer = Buffer.allocUnsafe(10 + length);
  buffer[0] = 0x81;
  buffer[1] = 127;
  buffer.writeBigUInt64BE(BigInt(length), 2);
  return buffer;
}
