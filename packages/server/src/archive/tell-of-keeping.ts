import type { KeepingOutcome } from './keeper.ts';

interface Log {
  warn(facts: object, message: string): void;
  info(facts: object, message: string): void;
  error(facts: object, message: string): void;
}

interface Counts {
  kept(report: { readonly archived: number; readonly dropped: number; readonly stayed: number } | null): void;
}

/** What an operator sees of a run. Nothing is said where there was nothing to do. */
export function tellOfKeeping(log: Log, counts: Counts, { report, problem }: KeepingOutcome): void {
  if (problem !== null) {
    counts.kept(null);
    log.error(
      { problem },
      'history past retention could not be archived; all of it is still in the database, and it is tried again in an hour',
    );
    return;
  }
  // Another process is at it.
  if (report === null) return;
  counts.kept(report);
  if (report.stayed > 0)
    log.warn(
      report,
      'days past retention are archived and still in the database: somebody reads history for long, pg_dump or a report say (pg_stat_activity); tried again in an hour',
    );
  if (report.days > 0 || report.connections > 0) log.info(report, 'history past retention has left the database');
}
