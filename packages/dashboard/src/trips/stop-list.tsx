import type { StopView, TripView } from '@waycast/protocol';
import type { TripDetail } from '../live/trip-detail.ts';
import { formatDistance, formatMinutes, formatTime } from './format.ts';
import { counts, isOpen, nextStop, stopTypeLabel } from './status.ts';

/** The stops in order, with what happened at each and when the others will be reached. */
export function StopList({ detail, trip, now }: { detail: TripDetail; trip: TripView; now: number }) {
  const next = isOpen(trip.status) ? nextStop(trip) : null;
  return (
    <ol className="stops">
      {trip.stops.map((stop, i) => (
        <li key={stop.id} className="stop" data-stop-id={stop.id} data-state={stateOf(stop, next)}>
          <span className={`stop-sign stop-${stop.type}`} aria-hidden="true">
            <b>{i + 1}</b>
          </span>
          <div className="stop-main">
            <p className="stop-name">{stop.name ?? stopTypeLabel(stop.type)}</p>
            <p className="faint">{describe(stop)}</p>
            <StopTimes stop={stop} now={now} />
          </div>
          <StopEta stop={stop} detail={detail} now={now} open={isOpen(trip.status)} />
        </li>
      ))}
    </ol>
  );
}

function stateOf(stop: StopView, next: StopView | null): string {
  if (!counts(stop)) return 'left-out';
  if (stop.departedAt !== null) return 'departed';
  if (stop.arrivedAt !== null) return 'arrived';
  return next?.id === stop.id ? 'next' : 'ahead';
}

function describe(stop: StopView): string {
  const who = stop.partyId === null ? '' : ` for ${stop.partyId}`;
  const kind = stop.name === null ? '' : stopTypeLabel(stop.type);
  const booking = counts(stop) ? '' : `, booking ${stop.bookingStatus}: does not count`;
  return `${kind}${who}${booking}`.trim() || `${stop.arriveRadius} m around the point`;
}

function StopTimes({ stop, now }: { stop: StopView; now: number }) {
  const times: [string, string | null][] = [
    ['Approached', stop.approachingAt],
    ['Arrived', stop.arrivedAt],
    ['Left', stop.departedAt],
  ];
  const told = times.filter((time): time is [string, string] => time[1] !== null);
  if (told.length === 0) return null;
  return (
    <p className="stop-times">
      {told.map(([word, at]) => (
        <span key={word}>
          {word} <time dateTime={at}>{formatTime(at, now)}</time>
        </span>
      ))}
    </p>
  );
}

function etaOf(detail: TripDetail, stop: StopView) {
  return stop.arrivedAt === null ? detail.etas.find(({ stopId }) => stopId === stop.id) : undefined;
}

/** Until the stop is reached; null when nobody can tell. Counted down from when it came: the server's clock and this one need not agree. */
export function secondsLeft(detail: TripDetail, stop: StopView, now: number): number | null {
  const eta = etaOf(detail, stop);
  return eta === undefined ? null : Math.max(0, eta.seconds - (now - detail.etasAt) / 1000);
}

function StopEta({ stop, detail, now, open }: { stop: StopView; detail: TripDetail; now: number; open: boolean }) {
  const eta = open ? etaOf(detail, stop) : undefined;
  const left = secondsLeft(detail, stop, now);
  if (eta === undefined || left === null) return null;
  return (
    <p className="stop-eta" data-testid="trip-eta" data-stop-id={stop.id} data-seconds={eta.seconds}>
      <strong>{formatMinutes(left)}</strong>
      <span className="faint">
        {formatTime(new Date(now + left * 1000).toISOString(), now)} · {formatDistance(eta.distance)}
      </span>
    </p>
  );
}
