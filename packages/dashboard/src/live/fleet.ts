import type { FleetPosition, PositionsMessage, TrackingEvent } from '@waycast/protocol';

/** Everybody on the map. `at` is when the last word of them came, in epoch ms; 0 before the first. */
export interface Fleet {
  ready: boolean;
  at: number;
  vehicles: ReadonlyMap<string, FleetPosition>;
}

export const NO_FLEET: Fleet = { ready: false, at: 0, vehicles: new Map() };

export type Look = 'on-trip' | 'online' | 'busy' | 'silent';

/** How a vehicle is drawn: what it does, or that nobody has heard of it for a while. */
export function lookOf(vehicle: { status: string; stale: boolean }): Look {
  if (vehicle.stale) return 'silent';
  switch (vehicle.status) {
    case 'ON_TRIP':
      return 'on-trip';
    case 'ONLINE':
      return 'online';
    case 'BUSY':
      return 'busy';
    default:
      return 'silent';
  }
}

export const LOOK_LABELS: Record<Look, string> = { 'on-trip': 'On trip', online: 'Free', busy: 'Busy', silent: 'No signal' };

export function withPositions(fleet: Fleet, message: PositionsMessage, now: number): Fleet {
  const vehicles = message.full ? new Map<string, FleetPosition>() : new Map(fleet.vehicles);
  for (const position of message.positions) vehicles.set(position.driver, position);
  for (const driver of message.gone) vehicles.delete(driver);
  return { ready: fleet.ready || message.full, at: now, vehicles };
}

/** Driver events tell of silence at once; the positions message tells the rest. */
export function withDriverEvent(fleet: Fleet, event: TrackingEvent, now: number): Fleet {
  const at = { ...fleet, at: now };
  if (event.kind !== 'stale' && event.kind !== 'online') return at;
  const vehicle = fleet.vehicles.get(event.driverId);
  const stale = event.kind === 'stale';
  if (vehicle === undefined || vehicle.stale === stale) return at;
  return { ...at, vehicles: new Map(fleet.vehicles).set(vehicle.driver, { ...vehicle, stale }) };
}

export function countLooks(fleet: Fleet): Record<Look, number> {
  const counts: Record<Look, number> = { 'on-trip': 0, online: 0, busy: 0, silent: 0 };
  for (const vehicle of fleet.vehicles.values()) counts[lookOf(vehicle)] += 1;
  return counts;
}
