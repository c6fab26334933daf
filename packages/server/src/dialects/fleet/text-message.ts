import { isoTime } from '@waycast/protocol';
import type { MessageHappened } from '../../core/events.ts';
import { isOpenTrip, type Trip } from '../../core/trip.ts';
import type { TextMessage } from './messages.ts';
import { roleName } from './roles.ts';

/** Whether anything can be written on a trip [H4]. */
export function takesTexts(trip: Trip): boolean {
  return isOpenTrip(trip);
}

/** A text on a trip as these clients are told of it. */
export function textMessage({ tripId, id, by, to, text, at }: MessageHappened): TextMessage {
  return { tripId, id, from: { id: by.sub, role: roleName(by.role) }, to, text, at: isoTime(at) };
}
