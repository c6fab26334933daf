import { isOpenTrip, partiesOf, type Trip } from '../../core/trip.ts';
import { jsonOf } from './json-of.ts';

/** Trips as JSON, in the form the statements below read; the later of two equal revisions, the higher of others. */
export function tripRecords(trips: Iterable<Trip>): string {
  const newest = new Map<string, Trip>();
  for (const trip of trips) if ((newest.get(trip.id)?.revision ?? 0) <= trip.revision) newest.set(trip.id, trip);
  // In one order everywhere: two transactions with the same trips never wait for each other in a circle.
  return jsonOf([...newest.keys()].sort().map((id) => recordOf(newest.get(id) as Trip)));
}

function recordOf(trip: Trip): object {
  return {
    id: trip.id,
    revision: trip.revision,
    kind: trip.kind,
    status: trip.status,
    open: isOpenTrip(trip),
    driver_id: trip.driverId,
    created: trip.createdAt,
    order_id: trip.order?.id ?? null,
    labels: trip.labels,
    parties: [...partiesOf(trip)],
    doc: trip,
  };
}

const FIELDS = 'id, revision, kind, status, open, driver_id, created, order_id, labels, parties, doc';
export const TRIPS_GIVEN = `json_to_recordset($1::json) AS g (id text, revision int, kind text, status text, open boolean, driver_id text,
  created bigint, order_id text, labels text[], parties text[], doc json)`;
const CHANGED = `revision = excluded.revision, status = excluded.status, open = excluded.open, driver_id = excluded.driver_id,
  labels = excluded.labels, parties = excluded.parties, doc = excluded.doc`;

/** The stops of the trips in `written`, as they are now. */
const STOPS = `stops AS (
    SELECT w.id AS trip, s.ordinality::int AS n, s.stop
    FROM written w CROSS JOIN LATERAL json_array_elements(w.doc -> 'stops') WITH ORDINALITY AS s (stop, ordinality)
  ), fewer AS (
    DELETE FROM trip_stop t USING written w WHERE t.trip = w.id AND t.n > json_array_length(w.doc -> 'stops')
  ), kept AS (
    INSERT INTO trip_stop (trip, n, id, type, location, party, booking, booking_status, name, approach_radius, arrive_radius,
      approaching_at, arrived_at, departed_at)
    SELECT trip, n, stop ->> 'id', stop ->> 'type',
      ST_SetSRID(ST_MakePoint((stop ->> 'lng')::float8, (stop ->> 'lat')::float8), 4326)::geography,
      stop ->> 'partyId', stop ->> 'bookingId', stop ->> 'bookingStatus', stop ->> 'name',
      (stop ->> 'approachRadius')::float8, (stop ->> 'arriveRadius')::float8,
      (stop ->> 'approachingAt')::bigint, (stop ->> 'arrivedAt')::bigint, (stop ->> 'departedAt')::bigint
    FROM stops
    ON CONFLICT (trip, n) DO UPDATE SET id = excluded.id, type = excluded.type, location = excluded.location, party = excluded.party,
      booking = excluded.booking, booking_status = excluded.booking_status, name = excluded.name,
      approach_radius = excluded.approach_radius, arrive_radius = excluded.arrive_radius,
      approaching_at = excluded.approaching_at, arrived_at = excluded.arrived_at, departed_at = excluded.departed_at
  )`;

/** Keeps trips ($1) where there is no newer one. */
export const UPSERT_TRIPS = `WITH written AS (
    INSERT INTO trip_tracking AS t (${FIELDS}) SELECT ${FIELDS} FROM ${TRIPS_GIVEN}
    ON CONFLICT (id) DO UPDATE SET ${CHANGED} WHERE excluded.revision >= t.revision
    RETURNING id, doc
  ), ${STOPS} SELECT count(*) FROM written`;

/** Adds a trip ($1) that is not there. */
export const CREATE_TRIP = `WITH written AS (
    INSERT INTO trip_tracking (${FIELDS}) SELECT ${FIELDS} FROM ${TRIPS_GIVEN} ON CONFLICT (id) DO NOTHING RETURNING id, doc
  ), ${STOPS} SELECT id FROM written`;

/** Changes a trip ($1) that is at revision $2. */
export const CHANGE_TRIP = `WITH written AS (
    UPDATE trip_tracking t SET ${CHANGED.replaceAll('excluded', 'g')} FROM ${TRIPS_GIVEN} WHERE t.id = g.id AND t.revision = $2
    RETURNING t.id, t.doc
  ), ${STOPS} SELECT id FROM written`;

/** Removes trips ($1), with their events. */
export const REMOVE_TRIPS = `WITH gone AS (DELETE FROM trip_tracking WHERE id = ANY ($1::text[])),
  stops AS (DELETE FROM trip_stop WHERE trip = ANY ($1::text[])) DELETE FROM event WHERE trip = ANY ($1::text[])`;
