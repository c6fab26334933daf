import type { AssignmentEvent, ChangedEvent, DriverEvent, MessageEvent, StatusEvent, StopEventMessage } from '@waycast/protocol';

/** Events inside carry `at` as epoch ms; outside it is ISO 8601. */
type Inside<E extends { at: string }> = Omit<E, 'at'> & { readonly at: number };

/** A text on a trip. */
export type MessageHappened = Inside<MessageEvent>;
export type TripHappened =
  | Inside<StatusEvent>
  | Inside<AssignmentEvent>
  | Inside<ChangedEvent>
  | Inside<StopEventMessage>
  | MessageHappened;
export type DriverHappened = Inside<DriverEvent>;
/** Whatever can happen. Ids are derived, so that a repeat is recognised anywhere [G8]. */
export type Happened = TripHappened | DriverHappened;
