import { type Page, splitCursor } from '../../hub/page.ts';
import type { ConnectionSession } from '../../hub/storage-ports.ts';
import { jsonOf } from './json-of.ts';
import type { Primary } from './primary.ts';

export interface SessionFilter {
  readonly subject?: string | undefined;
  readonly open?: boolean | undefined;
}

/** Keeps the newest state of each. */
export async function writeSessions(primary: Primary, sessions: readonly ConnectionSession[], process: number): Promise<void> {
  // One statement cannot write a row twice; the order keeps two of them from waiting for each other in a circle.
  const newest = new Map(sessions.map((session) => [session.id, session]));
  const given = [...newest.keys()].sort().map((id) => newest.get(id));
  if (given.length > 0) await primary.rows(WRITE, [jsonOf(given), process]);
}

/** Newest first, ties by id. */
export async function readSessions(
  primary: Primary,
  { subject, open }: SessionFilter,
  limit: number,
  cursor: string | null,
): Promise<Page<ConnectionSession>> {
  const where: string[] = [];
  const values: unknown[] = [];
  const value = (one: unknown): string => `$${values.push(one)}`;
  if (subject !== undefined) where.push(`subject = ${value(subject)}`);
  if (open !== undefined) where.push(open ? 'until IS NULL' : 'until IS NOT NULL');
  if (cursor !== null) {
    const [since, id] = splitCursor(cursor);
    const at = value(since);
    where.push(`(since < ${at} OR (since = ${at} AND id > ${value(id)}))`);
  }
  const rows = await primary.rows<ConnectionSession>(
    `SELECT id, subject, role, surface, kind, about, since, last, until FROM connection_sessions
     ${where.length > 0 ? `WHERE ${where.join(' AND ')}` : ''} ORDER BY since DESC, id LIMIT ${value(limit + 1)}`,
    values,
  );
  const last = rows.length > limit ? rows[limit - 1] : undefined;
  return { items: rows.slice(0, limit), cursor: last === undefined ? null : `${last.since}~${last.id}` };
}

/** Sockets of processes that ended without a word ended with their last sign of life. */
export async function closeSessionsOfOthers(primary: Primary, living: readonly number[]): Promise<void> {
  await primary.rows('UPDATE connection_sessions SET until = last WHERE until IS NULL AND process <> ALL ($1::bigint[])', [living]);
}

const WRITE = `INSERT INTO connection_sessions (id, subject, role, surface, kind, about, since, last, until, process)
  SELECT id, subject, role, surface, kind, about, since, last, until, $2 FROM json_to_recordset($1::json)
    AS g (id text, subject text, role text, surface text, kind text, about text, since bigint, last bigint, until bigint)
  ON CONFLICT (id) DO UPDATE SET kind = excluded.kind, last = excluded.last, until = excluded.until, process = excluded.process`;
