import type { PoolClient } from 'pg';
import type { Claim, Exchange, Exchanged, OutgoingMessage } from '../../hub/outbox/ports.ts';
import { jsonOf } from './json-of.ts';
import type { Known } from './outgoing-record.ts';
import { freeLanes } from './outgoing-settle.ts';

interface Head {
  readonly key: string;
  readonly id: string;
  readonly topic: OutgoingMessage['topic'];
  readonly type: string;
  readonly at: number;
  readonly labels: string[];
  readonly body: string;
  readonly failures: number;
  readonly since: number;
}

/** Inside a transaction: claims what is due. Lanes others are at this moment busy with are passed over. */
export async function claim(
  client: PoolClient,
  known: readonly Known[],
  { now, holder, leaseUntil, limit, perConsumer, room }: Exchange,
  turn: number,
  process: number,
): Promise<Exchanged> {
  const claims: Claim[] = [];
  let nextAt: number | null = null;
  const active = known.filter(({ consumer }) => consumer.enabled && consumer.url !== null);
  // Nobody is always the first to be served.
  const from = active.length === 0 ? 0 : turn % active.length;
  for (const one of [...active.slice(from), ...active.slice(0, from)]) {
    const most = Math.min(room[one.consumer.id] ?? perConsumer, limit - claims.length);
    if (most <= 0) continue;
    const { rows: due } = await client.query<{ key: string }>({ name: 'due', text: DUE, values: [one.n, now, most] });
    if (due.length > 0)
      claims.push(
        ...(await heads(
          client,
          one,
          due.map(({ key }) => key),
          now,
        )),
      );
    if (due.length === most) continue;
    const { rows } = await client.query<{ next: number | null }>({ name: 'next', text: NEXT, values: [one.n, now] });
    const next = rows[0]?.next ?? null;
    if (next !== null) nextAt = Math.min(nextAt ?? next, next);
  }
  const held = claims.map(({ consumer, message }) => ({ consumer: known.find((one) => one.consumer === consumer)?.n, key: message.key }));
  if (held.length > 0) await client.query(HOLD, [jsonOf(held), leaseUntil, holder, process]);
  return { claims, nextAt };
}

/** The oldest pending message of each of these lanes, which are locked; a lane without one is closed. */
async function heads(client: PoolClient, { n, consumer }: Known, keys: readonly string[], now: number): Promise<Claim[]> {
  // A statement of its own: what the holder before settled while this one got the lock is seen only by the next.
  const { rows } = await client.query<Head>({ name: 'heads', text: HEADS, values: [n, keys] });
  const found = new Set(rows.map(({ key }) => key));
  await freeLanes(
    client,
    keys.filter((key) => !found.has(key)).map((key) => ({ consumer: n, key, next: now })),
  );
  return rows.map(({ failures, since, ...message }) => ({ consumer, message: { ...message, eventId: null }, tries: failures, since }));
}

const DUE = 'SELECT key FROM lane WHERE consumer = $1 AND next <= $2 ORDER BY next LIMIT $3 FOR UPDATE SKIP LOCKED';
const NEXT = 'SELECT min(next) AS next FROM lane WHERE consumer = $1 AND next > $2';
const HEADS = `SELECT h.* FROM unnest($2::text[]) WITH ORDINALITY AS g (key, n) CROSS JOIN LATERAL (
    SELECT o.id, o.topic, o.type, o.key, o.at, o.labels, o.body, d.failures, d.since FROM delivery d JOIN outgoing o ON o.n = d.message
    WHERE d.consumer = $1 AND d.key = g.key AND d.state = 0 ORDER BY d.message LIMIT 1
  ) h ORDER BY g.n`;
const HOLD = `UPDATE lane l SET next = $2, holder = $3, process = $4 FROM json_to_recordset($1::json) AS g (consumer int, key text)
  WHERE l.consumer = g.consumer AND l.key = g.key`;
