import type { PoolClient } from 'pg';
import type { Attempt, Consumer, DeliveryState, Settled } from '../../hub/outbox/ports.ts';
import { jsonOf } from './json-of.ts';
import type { Known } from './outgoing-record.ts';

/** Of each delivery the last attempts are kept. */
const KEPT_ATTEMPTS = 10;
/** What the column `state` of a delivery counts through. */
export const STATES: readonly DeliveryState[] = ['pending', 'delivered', 'dead'];
const PENDING = 0;

interface Delivery {
  readonly consumer: number;
  readonly message: number;
  readonly id: string;
  state: number;
  settled: number | null;
  tries: number;
  failures: number;
  attempts: Attempt[];
}

interface Lane {
  readonly consumer: number;
  readonly key: string;
  holder: string | null;
  /** When it is due, once it is free. */
  next: number | null;
}

/** Inside a transaction: notes what became of claims. Of many at once, so each kind of row is read and written in one go. */
export async function settle(
  client: PoolClient,
  known: readonly Known[],
  settled: readonly Settled[],
  holder: string,
  now: number,
): Promise<void> {
  const numbers = new Map(known.map(({ n, consumer }) => [consumer.id, n]));
  const ours = settled.filter(({ consumerId }) => numbers.has(consumerId));
  if (ours.length === 0) return;
  const of = ours.map(({ consumerId }) => numbers.get(consumerId) as number);
  const lanes = await lockLanes(
    client,
    of,
    ours.map(({ key }) => key),
  );
  const deliveries = await readDeliveries(
    client,
    of,
    ours.map(({ messageId }) => messageId),
  );
  ours.forEach((one, index) => {
    const delivery = deliveries.get(`${of[index]} ${one.messageId}`);
    if (delivery === undefined) return;
    const lane = lanes.get(`${of[index]} ${one.key}`);
    const isHeld = lane?.holder === holder;
    if (one.outcome !== 'given back') note(delivery, one.outcome, one.attempt, isHeld, now);
    if (lane === undefined || !isHeld) return;
    lane.holder = null;
    lane.next = one.outcome === 'failed' ? one.retryAt : now;
  });
  await writeDeliveries(client, [...deliveries.values()]);
  await freeLanes(
    client,
    [...lanes.values()].filter(({ next }) => next !== null),
  );
  for (const [index, { disable, recovered }] of ours.entries()) {
    const consumer = known.find(({ n }) => n === of[index])?.consumer;
    if (disable !== null && consumer !== undefined) await disableConsumer(client, consumer, disable);
    if (recovered) await client.query(HURRY, [now, of[index]]);
  }
}

/** Whoever lost the lane meanwhile has nothing to say but that it got through. */
function note(delivery: Delivery, outcome: 'delivered' | 'failed' | 'dead', attempt: Attempt | null, isHeld: boolean, now: number): void {
  if (!isHeld && outcome !== 'delivered') return;
  if (attempt !== null) delivery.attempts = [...delivery.attempts, attempt].slice(-KEPT_ATTEMPTS);
  if (delivery.state === PENDING || outcome === 'delivered') delivery.state = STATES.indexOf(outcome === 'failed' ? 'pending' : outcome);
  delivery.settled = delivery.state === PENDING ? null : now;
  delivery.tries++;
  if (outcome !== 'delivered') delivery.failures++;
}

/**
 * Locks lanes, in one order everywhere. Who adds a delivery locks its lane as well, so that what is pending of a locked
 * lane is seen by the statements that follow.
 */
export async function lockLanes(client: PoolClient, consumers: readonly number[], keys: readonly string[]): Promise<Map<string, Lane>> {
  const { rows } = await client.query<{ consumer: number; key: string; holder: string | null }>(LOCK, [consumers, keys]);
  return new Map(rows.map(({ consumer, key, holder }) => [`${consumer} ${key}`, { consumer, key, holder, next: null }]));
}

async function readDeliveries(client: PoolClient, consumers: readonly number[], ids: readonly string[]): Promise<Map<string, Delivery>> {
  const { rows } = await client.query<Delivery>(READ, [consumers, ids]);
  return new Map(rows.map((row) => [`${row.consumer} ${row.id}`, row]));
}

async function writeDeliveries(client: PoolClient, deliveries: readonly Delivery[]): Promise<void> {
  if (deliveries.length > 0) await client.query(WRITE, [jsonOf(deliveries)]);
}

/** Lanes that are locked: those with nothing pending are closed. */
export async function freeLanes(
  client: PoolClient,
  lanes: readonly { readonly consumer: number; readonly key: string; readonly next: number | null }[],
): Promise<void> {
  if (lanes.length > 0) await client.query(FREE, [jsonOf(lanes)]);
}

/** As far as it is still enabled, whoever changed it meanwhile. */
async function disableConsumer(client: PoolClient, { id }: Consumer, reason: string): Promise<void> {
  const { rows } = await client.query<{ doc: Consumer }>('SELECT doc FROM consumer WHERE id = $1 AND doc IS NOT NULL FOR UPDATE', [id]);
  const current = rows[0]?.doc;
  if (current?.enabled !== true) return;
  const doc: Consumer = { ...current, enabled: false, disabledReason: reason, revision: current.revision + 1 };
  await client.query('UPDATE consumer SET doc = $2 WHERE id = $1', [id, jsonOf(doc)]);
}

const LOCK = `SELECT consumer, key, holder FROM lane WHERE (consumer, key) IN (SELECT * FROM unnest($1::int[], $2::text[]))
  ORDER BY consumer, key FOR UPDATE`;
const READ = `SELECT d.consumer, d.message, o.id, d.state, d.settled, d.tries, d.failures, d.attempts
  FROM unnest($1::int[], $2::text[]) AS g (consumer, id) JOIN outgoing o ON o.id = g.id
  JOIN delivery d ON d.consumer = g.consumer AND d.message = o.n`;
const WRITE = `UPDATE delivery d
  SET state = g.state, settled = g.settled, tries = g.tries, failures = g.failures, attempts = g.attempts
  FROM json_to_recordset($1::json) AS g (consumer int, message bigint, state smallint, settled bigint, tries int, failures int, attempts json)
  WHERE d.consumer = g.consumer AND d.message = g.message`;
const FREE = `WITH g AS MATERIALIZED (
    SELECT g.*, EXISTS (SELECT 1 FROM delivery d WHERE d.consumer = g.consumer AND d.key = g.key AND d.state = 0) AS pending
    FROM json_to_recordset($1::json) AS g (consumer int, key text, next bigint)
  ), closed AS (DELETE FROM lane l USING g WHERE l.consumer = g.consumer AND l.key = g.key AND NOT g.pending)
  UPDATE lane l SET next = g.next, holder = NULL, process = NULL FROM g WHERE l.consumer = g.consumer AND l.key = g.key AND g.pending`;
const HURRY = `UPDATE lane SET next = $1 WHERE consumer = $2 AND key IN (
  SELECT key FROM lane WHERE consumer = $2 AND next > $1 AND holder IS NULL ORDER BY key FOR UPDATE SKIP LOCKED)`;
