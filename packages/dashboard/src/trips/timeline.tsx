import type { TrackingEvent, TripView } from '@waycast/protocol';
import { eventDetail, eventTitle } from './event-words.ts';
import { formatTime } from './format.ts';

/** Everything that happened on the trip, newest first. */
export function Timeline({ events, trip, now }: { events: TrackingEvent[]; trip: TripView; now: number }) {
  if (events.length === 0) return <p className="faint timeline-empty">Nothing yet.</p>;
  return (
    <ol className="timeline">
      {events.toReversed().map((event) => (
        <li key={event.id} data-testid="trip-event" data-kind={event.kind} data-event-id={event.id}>
          <span className={`timeline-dot dot-${event.kind}`} aria-hidden="true" />
          <div>
            <p className="timeline-title">{eventTitle(event, trip)}</p>
            <p className="faint">{eventDetail(event)}</p>
          </div>
          <time dateTime={event.at} className="faint">
            {formatTime(event.at, now, true)}
          </time>
        </li>
      ))}
    </ol>
  );
}
