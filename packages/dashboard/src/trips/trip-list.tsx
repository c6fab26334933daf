import { useDeferredValue, useMemo, useState } from 'react';
import { useLive } from '../app/services.ts';
import { useStore } from '../live/store.ts';
import { filterTrips, isFiltering, NO_FILTER, type TripFilter } from './filter.ts';
import { TripFilterBar } from './trip-filter-bar.tsx';
import { TripRow } from './trip-row.tsx';
import { VehicleMatches } from './vehicle-matches.tsx';

/** Rows drawn at first, and with every "more": a thousand would be slow, and nobody reads them. */
const PAGE = 100;

export function TripList() {
  const live = useLive();
  const state = useStore(live.trips);
  const [filter, setFilter] = useState<TripFilter>(NO_FILTER);
  const [limit, setLimit] = useState(PAGE);
  const trips = useDeferredValue(state.trips);
  const wanted = useDeferredValue(filter);
  const found = useMemo(() => filterTrips(trips.values(), wanted), [trips, wanted]);
  const change = (next: TripFilter) => {
    setFilter(next);
    setLimit(PAGE);
  };

  return (
    <section className="trips" aria-label="Open trips">
      <TripFilterBar filter={filter} onChange={change} trips={trips} />
      <p className="trips-count" role="status">
        {countWords(found.length, trips.size, isFiltering(wanted), state.phase)}
      </p>
      {state.phase === 'failed' && (
        <div className="trips-problem" role="alert">
          <p>The list could not be read. Trying again by itself.</p>
          <button type="button" className="button small" onClick={() => live.rereadTrips()}>
            Try now
          </button>
        </div>
      )}
      {found.length === 0 && state.phase === 'ready' && <NoTrips filtered={isFiltering(wanted)} onClear={() => change(NO_FILTER)} />}
      {found.length === 0 && state.phase === 'loading' && <Placeholders />}
      <ul className="trip-rows">
        {found.slice(0, limit).map((trip) => (
          <TripRow key={trip.id} trip={trip} />
        ))}
      </ul>
      <VehicleMatches text={wanted.text} />
      {found.length > limit && (
        <button type="button" className="button wide more" onClick={() => setLimit(limit + PAGE)}>
          Show {Math.min(PAGE, found.length - limit)} more of {found.length - limit}
        </button>
      )}
    </section>
  );
}

function countWords(found: number, all: number, filtered: boolean, phase: string): string {
  if (phase === 'loading' && all === 0) return 'Reading the open trips…';
  const trips = all === 1 ? 'open trip' : 'open trips';
  return filtered ? `${found} of ${all} ${trips}` : `${all} ${trips}`;
}

function NoTrips({ filtered, onClear }: { filtered: boolean; onClear: () => void }) {
  if (filtered) {
    return (
      <div className="empty">
        <p>No open trip fits.</p>
        <button type="button" className="button" onClick={onClear}>
          Clear the filter
        </button>
      </div>
    );
  }
  return (
    <div className="empty">
      <p>No open trips.</p>
      <p className="faint">
        A trip appears here as soon as it is created with <code>POST /v1/trips</code>.
      </p>
    </div>
  );
}

function Placeholders() {
  return (
    <div className="placeholders" aria-hidden="true">
      <span />
      <span />
      <span />
      <span />
    </div>
  );
}
