import type { Place } from '../nearby/places.ts';
import { withClient } from '../services/postgres.ts';

const RADIUS = 5_000;
const LIMIT = 10;
/** m: both take the earth for a sphere, of radii that differ by 9 m; what is nearer than this to one another is a tie */
const TIE = 0.5;

export interface Compared {
  readonly asked: number;
  readonly drivers: number;
  readonly different: number;
  readonly first: string;
}

interface Found {
  readonly id: string;
  readonly distance: number;
}

/** The same questions to each process in turn and to PostGIS, while nobody moves. */
export async function compareWithPostgis(
  url: string,
  ports: readonly number[],
  token: string,
  place: () => Place,
  count: number,
): Promise<Compared> {
  return await withClient(url, async (client) => {
    let [drivers, different, first] = [0, 0, ''];
    for (let i = 0; i < count; i++) {
      const { lat, lng } = place();
      const port = ports[i % ports.length] as number;
      const [answer, { rows }] = await Promise.all([asked(port, token, lat, lng), client.query<Found>(NEAREST, [lat, lng, RADIUS + TIE])]);
      drivers += answer.length;
      const difference = differenceOf(answer, rows);
      if (difference === null) continue;
      different++;
      first ||= `${lat},${lng}: ${difference}`;
    }
    return { asked: count, drivers, different, first };
  });
}

/** One more than asked for, so that a tie at the end shows; on the sphere. */
const NEAREST = `SELECT driver_id AS id, ST_Distance(location, p.here, false) AS distance
  FROM driver_locations, (SELECT ST_SetSRID(ST_MakePoint($2, $1), 4326)::geography AS here) p
  WHERE online AND status = 'ONLINE' AND ST_DWithin(location, p.here, $3, false)
  ORDER BY 2, 1 LIMIT ${LIMIT + 5}`;

async function asked(port: number, token: string, lat: number, lng: number): Promise<Found[]> {
  const query = `lat=${lat}&lng=${lng}&radius=${RADIUS}&limit=${LIMIT}&maxAge=86400`;
  const answer = await fetch(`http://127.0.0.1:${port}/v1/drivers/nearby?${query}`, { headers: { authorization: `Bearer ${token}` } });
  const body = (await answer.json()) as { drivers: { id: string; distance: number }[] };
  return body.drivers.map(({ id, distance }) => ({ id, distance }));
}

/** In words; null when both answers are the same but for ties. Those of `theirs` may be more than asked for. */
export function differenceOf(ours: readonly Found[], theirs: readonly Found[]): string | null {
  const sure = theirs.filter(({ distance }) => distance <= RADIUS - TIE).slice(0, LIMIT);
  if (ours.length < sure.length) return `${ours.length} drivers, PostGIS finds ${sure.length}`;
  for (const [i, { id }] of ours.entries()) {
    const known = theirs.find((one) => one.id === id);
    if (known === undefined) return `driver ${i} is ${id}, whom PostGIS has not among the nearest`;
    const there = theirs[i];
    if (there !== undefined && there.id !== id && Math.abs(there.distance - known.distance) > TIE)
      return `driver ${i} is ${id}, for PostGIS ${there.id}`;
  }
  return null;
}
