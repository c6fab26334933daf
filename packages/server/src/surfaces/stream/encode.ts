import type { ServerMessage } from '@waycast/protocol';
import type { LocationPublished } from '../../core/effects.ts';
import type { Delivery } from '../../hub/fleet.ts';
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

function locationMessage({ feed, epoch, seq, driverId, fix, etas }: LocationPublished): ServerMessage {
  return { type: 'location', feed, epoch, seq, driver: driverId, ...locationView(fix), ...(etas && { etas: etaViews(etas) }) };
}

let lastDelivery: Delivery | undefined;
let lastFrame: Buffer | undefined;

/** The frame of a delivery, made once for all who get it: watchers of one feed are served one after the other. */
export function frameOf(delivery: Delivery): Buffer {
  if (delivery === lastDelivery && lastFrame !== undefined) return lastFrame;
  lastFrame = frame(JSON.stringify(messageOf(delivery)));
  lastDelivery = delivery;
  return lastFrame;
}

/** An unmasked text frame, header and payload in one buffer so that it is one write (RFC 6455, 5.2). */
export function frame(text: string): Buffer {
  const length = Buffer.byteLength(text);
  const header = length < 126 ? 2 : length < 65_536 ? 4 : 10;
  const buffer = Buffer.allocUnsafe(header + length);
  buffer[0] = 0x81;
  if (header === 2) {
    buffer[1] = length;
  } else if (header === 4) {
    buffer[1] = 126;
    buffer.writeUInt16BE(length, 2);
  } else {
    buffer[1] = 127;
    buffer.writeBigUInt64BE(BigInt(length), 2);
  }
  buffer.write(text, header);
  return buffer;
}
