import type { Published } from '../../core/effects.ts';
import type { ServerMessage, Step } from './messages.ts';
import { progressOf, publicSessionOf, type SessionState, sessionOf } from './session.ts';

/** How a session stands, for whoever has just come; only those with a token are told of the courier [Y13]. */
export function initialState(state: SessionState, isKnown: boolean): ServerMessage {
  return { type: 'initial_state', data: isKnown ? sessionOf(state) : publicSessionOf(state) };
}

/** What is told of something that has led to `state` [Y14]. */
export function messagesOf(published: Published, state: SessionState, isKnown: boolean): ServerMessage[] {
  const progress = progressOf(state);
  const { tracking_id, updated_at } = progress;
  const { orderId, riderId } = state;
  const moved: ServerMessage = {
    type: 'location_update',
    data: { ...progress, order_id: orderId, ...(isKnown && { rider_id: riderId }) },
  };
  if (published.type === 'location' || published.event.kind !== 'status') return [moved];
  const status = published.event.status as Step | 'CANCELLED';
  return [moved, { type: 'status_change', data: { tracking_id, status, updated_at } }];
}
