import { parseMoment, TrackSearch, TrackSearchResult, WaycastError } from '@waycast/protocol';
import type { FastifyInstance } from 'fastify';
import type { Hub } from '../../hub/hub.ts';
import { passView } from '../views.ts';
import { whoAsks } from './app.ts';
import { failures, refusals } from './refusals.ts';

const LONGEST_DAYS = 31;
const LONGEST_MS = LONGEST_DAYS * 86_400_000;

/** `/v1/tracks/search` [Q]. */
export function trackSearchRoute(app: FastifyInstance, { trackSearch }: Pick<Hub, 'trackSearch'>): void {
  app.post<{ Body: TrackSearch }>(
    '/v1/tracks/search',
    {
      schema: {
        operationId: 'searchTracks',
        tags: ['Drivers'],
        summary: 'Who passed a place between two times, nearest first',
        description: 'Looks at stored fixes: who drove past between two of them is not found [Q1-Q6].',
        body: TrackSearch,
        response: { 200: TrackSearchResult, ...refusals('forbidden'), ...failures },
      },
    },
    async (request) => {
      const { lat, lng, radius = 100, limit = 100, drivers = null } = request.body;
      const from = momentOf('from', request.body.from);
      const to = momentOf('to', request.body.to);
      if (from > to) throw new WaycastError('bad_request', 'to is before from', { field: '/to' });
      if (to - from > LONGEST_MS)
        throw new WaycastError('bad_request', `to is more than ${LONGEST_DAYS} days after from`, { field: '/to' });
      const found = await trackSearch.find(whoAsks(request), { lat, lng, radius, from, to, drivers }, limit);
      return { passes: found.items.map(passView), complete: found.isComplete };
    },
  );
}

function momentOf(name: string, value: string | number): number {
  const at = parseMoment(value);
  if (Number.isNaN(at)) throw new WaycastError('bad_request', `/${name}: no such moment`, { field: `/${name}` });
  return at;
}
