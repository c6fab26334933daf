import type { PoolClient } from 'pg';
import { isWanted } from '../../core/wanted.ts';
import type { OutgoingMessage, Replay } from '../../hub/outbox/ports.ts';
import { deliver, type Known, readConsumers } from './outgoing-record.ts';
import { freeLanes, lockLanes } from './outgoing-settle.ts';

/** Deliveries or messages touched by one step of pruning or replaying: a commit waiting behind it hardly notices. */
const STEP = 200;

type MessageRow = OutgoingMessage & { readonly n: number };

/** Inside a transaction: one step of making deliveries again. */
export async function replay(
  client: PoolClient,
  { n, consumer }: Known,
  which: Replay,
  now: number,
  cursor: string | null,
): Promise<{ count: number; cursor: string | null }> {
  if ('messageIds' in which) {
    const { rows } = await client.query<{ n: number }>('SELECT n FROM outgoing WHERE id = ANY ($1::text[])', [which.messageIds]);
    return {
      count: (
        await again(
          client,
          n,
          rows.map((row) => row.n),
          now,
        )
      ).size,
      cursor: null,
    };
  }
  const [at = which.since, after = -1] = cursor?.split('~').map(Number) ?? [];
  const { rows } = await client.query<MessageRow>(SINCE, [at, after, now, STEP]);
  const wanted = rows.filter((row) => isWanted(consumer, row));
  const settled = await again(
    client,
    n,
    wanted.map((row) => row.n),
    now,
  );
  const rest = wanted.filter((row) => !settled.has(row.n));
  const added = await deliver(
    client,
    rest.map((row) => ({ consumer: n, message: row.n, key: row.key, since: now })),
  );
  const last = rows.at(-1);
  return { count: settled.size + added, cursor: last === undefined || rows.length < STEP ? null : `${last.at}~${last.n}` };
}

/** Settled deliveries begin another life; answers which. */
async function again(client: PoolClient, consumer: number, messages: readonly number[], now: number): Promise<Set<number>> {
  const { rows: settled } = await client.query<{ message: number; key: string }>(SETTLED, [consumer, messages]);
  if (settled.length === 0) return new Set();
  // Their lanes are opened, or locked, before anything becomes pending.
  const keys = [...new Set(settled.map(({ key }) => key))].sort();
  await client.query(OPEN_AND_HURRY, [consumer, keys, now]);
  const { rows } = await client.query<{ message: number }>(AGAIN, [now, consumer, settled.map(({ message }) => message)]);
  return new Set(rows.map(({ message }) => message));
}

/** Inside a transaction: one small step of forgetting; answers whether there is more. */
export async function prune(client: PoolClient, now: number, expired: number, old: number): Promise<boolean> {
  if ((await forgetRemoved(client)) || (await expire(client, now, expired))) return true;
  return (await client.query(FORGET_OLD, [old, STEP])).rowCount === STEP;
}

/** A consumer that was removed goes piece by piece. */
async function forgetRemoved(client: PoolClient): Promise<boolean> {
  const { rows } = await client.query<{ n: number }>('SELECT n FROM consumer WHERE doc IS NULL LIMIT 1 FOR UPDATE SKIP LOCKED');
  const gone = rows[0]?.n;
  if (gone === undefined) return false;
  if (((await client.query(FORGET_DELIVERIES, [gone, STEP])).rowCount ?? 0) > 0) return true;
  await client.query('DELETE FROM lane WHERE consumer = $1', [gone]);
  await client.query('DELETE FROM consumer WHERE n = $1', [gone]);
  return true;
}

async function expire(client: PoolClient, now: number, before: number): Promise<boolean> {
  for (const { n, consumer } of await readConsumers(client)) {
    if (consumer.enabled && consumer.url !== null) continue;
    const { rows: waited } = await client.query<{ message: number; key: string }>(WAITED, [n, before, STEP]);
    if (waited.length === 0) continue;
    const keys = [...new Set(waited.map(({ key }) => key))];
    const lanes = await lockLanes(
      client,
      keys.map(() => n),
      keys,
    );
    await client.query(DIE, [now, n, waited.map(({ message }) => message)]);
    await closeEmpty(client, [...lanes.values()]);
    if (waited.length === STEP) return true;
  }
  return false;
}

async function closeEmpty(client: PoolClient, lanes: readonly { consumer: number; key: string; holder: string | null }[]): Promise<void> {
  const free = lanes.filter(({ holder }) => holder === null);
  const { rows } = await client.query<{ consumer: number; key: string; next: number }>(NEXT_OF, [
    free.map(({ consumer }) => consumer),
    free.map(({ key }) => key),
  ]);
  await freeLanes(client, rows);
}

const SINCE = `SELECT n, id, topic, type, key, at, labels, body FROM outgoing WHERE (at, n) > ($1::bigint, $2::bigint) AND at <= $3
  ORDER BY at, n LIMIT $4`;
const SETTLED = 'SELECT message, key FROM delivery WHERE consumer = $1 AND message = ANY ($2::bigint[]) AND state <> 0';
const OPEN_AND_HURRY = `INSERT INTO lane AS l (consumer, key, next) SELECT $1, key, $3 FROM unnest($2::text[]) AS g (key)
  ON CONFLICT (consumer, key) DO UPDATE SET next = CASE WHEN l.holder IS NULL THEN excluded.next ELSE l.next END`;
const AGAIN = `UPDATE delivery SET state = 0, since = $1, settled = NULL, failures = 0
  WHERE consumer = $2 AND message = ANY ($3::bigint[]) AND state <> 0 RETURNING message`;
const FORGET_OLD = `DELETE FROM outgoing WHERE n IN (SELECT n FROM outgoing o WHERE at < $1
  AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.message = o.n AND d.state = 0) ORDER BY at, n LIMIT $2 FOR UPDATE SKIP LOCKED)`;
const FORGET_DELIVERIES = `DELETE FROM delivery WHERE consumer = $1
  AND message IN (SELECT message FROM delivery WHERE consumer = $1 LIMIT $2)`;
const WAITED = 'SELECT message, key FROM delivery WHERE consumer = $1 AND state = 0 AND since < $2 ORDER BY message LIMIT $3';
const DIE = 'UPDATE delivery SET state = 2, settled = $1 WHERE consumer = $2 AND message = ANY ($3::bigint[]) AND state = 0';
const NEXT_OF = 'SELECT consumer, key, next FROM lane WHERE (consumer, key) IN (SELECT * FROM unnest($1::int[], $2::text[]))';
