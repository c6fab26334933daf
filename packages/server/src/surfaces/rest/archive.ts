import { ArchiveState, isoTime, WaycastError } from '@waycast/protocol';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Keeper } from '../../archive/keeper.ts';
import { whoAsks } from './app.ts';
import { failures, refusals } from './refusals.ts';

export interface ArchiveRouteParts {
  /** null where all history stays in the database. */
  readonly keeper: Keeper | null;
  readonly url: string | undefined;
  readonly retentionDays: number;
}

/** `/v1/archive`: what becomes of history past its retention. */
export function archiveRoutes(app: FastifyInstance, { keeper, url, retentionDays }: ArchiveRouteParts): void {
  const view = (): ArchiveState => ({
    url: url ?? null,
    retentionDays,
    running: keeper?.isRunning ?? false,
    progress: keeper?.progress ?? null,
    lastRun: keeper?.last ? { at: isoTime(keeper.last.at), report: keeper.last.report, problem: keeper.last.problem } : null,
  });
  const common = { tags: ['System'], response: { 200: ArchiveState, ...refusals('forbidden'), ...failures } };
  app.get(
    '/v1/archive',
    { schema: { ...common, operationId: 'getArchive', summary: 'How history past retention is kept, for admins' } },
    async (request) => {
      mustBeAdmin(request);
      return view();
    },
  );
  app.post(
    '/v1/archive',
    {
      schema: {
        ...common,
        operationId: 'keepArchive',
        summary: 'Take history past retention out of the database now, for admins',
        description: 'Begins a run, unless one is under way, and answers at once. `GET` tells how it goes [I1].',
        response: { 202: ArchiveState, ...refusals('forbidden', 'archive_unset'), ...failures },
      },
    },
    async (request, reply) => {
      mustBeAdmin(request);
      if (keeper === null) throw new WaycastError('archive_unset', 'ARCHIVE_URL is not set: all history stays in the database');
      // What came of it is in the log and in `lastRun`.
      keeper.run().catch(() => undefined);
      return reply.code(202).send(view());
    },
  );
}

function mustBeAdmin(request: FastifyRequest): void {
  if (whoAsks(request).role !== 'admin') throw new WaycastError('forbidden', 'the archive is for admins');
}
