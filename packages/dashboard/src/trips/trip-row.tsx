import type { TripView } from '@waycast/protocol';
import { memo } from 'react';
import { Icon } from '../app/icons.tsx';
import { useLive, useServices } from '../app/services.ts';
import { lookOf } from '../live/fleet.ts';
import { useSelected } from '../live/store.ts';
import { shortId } from './format.ts';
import { KIND_LABELS, nextStop, stopLabel, stopsDone } from './status.ts';
import { StatusPill } from './status-pill.tsx';

export const TripRow = memo(function TripRow({ trip }: { trip: TripView }) {
  const { route } = useServices();
  const silent = useSelected(useLive().fleet, (fleet) => {
    const vehicle = trip.driverId === null ? undefined : fleet.vehicles.get(trip.driverId);
    return vehicle !== undefined && lookOf(vehicle) === 'silent';
  });
  const { done, of } = stopsDone(trip);
  const next = nextStop(trip);
  return (
    <li>
      <button
        type="button"
        className="trip-row"
        data-testid="trip-row"
        data-trip-id={trip.id}
        data-status={trip.status}
        onClick={() => route.go({ trip: trip.id, driver: null })}
      >
        <span className={`kind kind-${trip.kind}`}>
          <Icon name={trip.kind} />
          <span className="visually-hidden">{KIND_LABELS[trip.kind]}</span>
        </span>
        <span className="trip-row-main">
          <span className="trip-row-driver">{trip.driverName ?? trip.driverId ?? 'No driver yet'}</span>
          <span className="trip-row-id" title={trip.id}>
            {shortId(trip.id)}
            {next !== null && <> · {stopLabel(next, trip)}</>}
          </span>
        </span>
        <span className="trip-row-side">
          <StatusPill status={trip.status} />
          <span className="trip-row-stops">{silent ? 'No signal' : `${done} of ${of} stops`}</span>
        </span>
      </button>
    </li>
  );
});
