import type { TripKind, TripStatus } from '@waycast/protocol';
import { isOpen } from './status.ts';

// Written out here, because importing the protocol's lists would bring all its schemas to the browser.
export const TRIP_KIND_NAMES: readonly TripKind[] = ['ride', 'delivery'];

const ALL: readonly TripStatus[] = ['PENDING', 'EN_ROUTE', 'ARRIVED', 'IN_PROGRESS', 'ASSIGNED', 'PICKED_UP', 'IN_TRANSIT'];
/** Statuses of open trips, in the order of their lives. */
export const TRIP_STATUS_NAMES: readonly TripStatus[] = ALL.filter(isOpen);
