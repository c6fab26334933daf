import type { TripView } from '@waycast/protocol';
import { useMemo } from 'react';
import { Icon } from '../app/icons.tsx';
import type { TripFilter } from './filter.ts';
import { TRIP_KIND_NAMES, TRIP_STATUS_NAMES } from './names.ts';
import { KIND_LABELS, statusLabel } from './status.ts';

interface Props {
  filter: TripFilter;
  onChange: (filter: TripFilter) => void;
  trips: ReadonlyMap<string, TripView>;
}

export function TripFilterBar({ filter, onChange, trips }: Props) {
  const counts = useMemo(() => Map.groupBy(trips.values(), (trip) => trip.status), [trips]);
  const statuses = TRIP_STATUS_NAMES.filter((status) => counts.has(status) || filter.status === status);
  return (
    <search className="filter">
      <label className="search">
        <Icon name="search" />
        <span className="visually-hidden">Search trips</span>
        <input
          type="search"
          value={filter.text}
          onChange={(event) => onChange({ ...filter, text: event.target.value })}
          placeholder="Trip, driver, stop or label"
          autoComplete="off"
          spellCheck={false}
        />
      </label>
      <div className="filter-row">
        <fieldset className="segments">
          <legend className="visually-hidden">Kind</legend>
          {(['all', ...TRIP_KIND_NAMES] as const).map((kind) => (
            <label key={kind}>
              <input type="radio" name="kind" checked={filter.kind === kind} onChange={() => onChange({ ...filter, kind })} />
              <span>{kind === 'all' ? 'All' : `${KIND_LABELS[kind].replace(/y$/, 'ie')}s`}</span>
            </label>
          ))}
        </fieldset>
        <label className="select">
          <span className="visually-hidden">Status</span>
          <select value={filter.status} onChange={(event) => onChange({ ...filter, status: asStatus(event.target.value) })}>
            <option value="all">Any status</option>
            {statuses.map((status) => (
              <option key={status} value={status}>
                {statusLabel(status)} ({counts.get(status)?.length ?? 0})
              </option>
            ))}
          </select>
          <Icon name="chevron" size={16} />
        </label>
      </div>
    </search>
  );
}

function asStatus(value: string): TripFilter['status'] {
  return TRIP_STATUS_NAMES.find((status) => status === value) ?? 'all';
}
