import type { Client } from 'pg';
import { PARTITIONS } from '../../hub/ports.ts';
import type { Holdings } from './shares.ts';

/** Names for the locks of a process as a member and of a partition, in the number space of advisory locks with two keys. */
export const MEMBER = 7_231_902;
export const PARTITION = 7_231_903;
export const DATABASE = '(SELECT oid FROM pg_database WHERE datname = current_database())';

/** Who serves this fleet and has what, as the locks say; asks only. */
export async function readHoldings(client: Client): Promise<Holdings> {
  const { rows } = await client.query<{ kind: string; key: string; pid: number }>(
    `SELECT classid::bigint::text AS kind, objid::bigint::text AS key, pid FROM pg_locks
     WHERE locktype = 'advisory' AND classid IN ($1, $2) AND objsubid = 2 AND granted AND database = ${DATABASE}`,
    [MEMBER, PARTITION],
  );
  const homes = new Map<number, number>();
  for (const { kind, key, pid } of rows) if (Number(kind) === MEMBER) homes.set(pid, Number(key));
  const owners = new Map<number, number | null>();
  for (const { kind, key, pid } of rows)
    if (Number(kind) === PARTITION && Number(key) < PARTITIONS) owners.set(Number(key), homes.get(pid) ?? null);
  return { members: [...homes.values()], owners };
}

/** What each process calls itself, by its number; of all that are or lately were. */
export async function readNames(client: Client): Promise<ReadonlyMap<number, string>> {
  const { rows } = await client.query<{ n: number; name: string }>('SELECT n, name FROM process ORDER BY n');
  return new Map(rows.map(({ n, name }) => [Number(n), name]));
}
