import type { ClientBase } from 'pg';
import { isWanted } from '../../core/wanted.ts';
import type { Consumer, OutgoingMessage } from '../../hub/outbox/ports.ts';
import { jsonOf } from './json-of.ts';

/** A consumer and its number. */
export interface Known {
  readonly n: number;
  readonly consumer: Consumer;
}

/** All there are now: any process may change them, so they are read in every transaction that needs them. */
export async function readConsumers(client: ClientBase): Promise<Known[]> {
  const { rows } = await client.query<{ n: number; doc: Consumer }>({
    name: 'consumers',
    text: 'SELECT n, doc FROM consumer WHERE doc IS NOT NULL ORDER BY n',
  });
  return rows.map(({ n, doc }) => ({ n, consumer: doc }));
}

/**
 * Keeps new messages, with a delivery for each consumer that wants them. Inside a transaction.
 *
 * Consumers get the messages of a key by their numbers, which are given here, not at the end of the transaction. That
 * order is the order of commits all the same, for whoever records messages of a key holds a lock that the next one
 * needs before it gets numbers: the owner of a partition moves its cursor first, and who changes a trip nobody drives
 * changes its row first. A trip comes to its next owner only after what it leaves with is durable.
 */
export async function recordMessages(client: ClientBase, messages: readonly OutgoingMessage[]): Promise<void> {
  if (messages.length === 0) return;
  const [consumers, added] = await Promise.all([readConsumers(client), insertMessages(client, messages)]);
  const wanted = consumers.flatMap(({ n, consumer }) =>
    consumer.enabled ? added.filter(({ message }) => isWanted(consumer, message)).map((one) => ({ consumer: n, ...one })) : [],
  );
  await deliver(
    client,
    wanted.map(({ consumer, n, message }) => ({ consumer, message: n, key: message.key, since: message.at })),
  );
}

/** Those that are there already are left out. */
export async function insertMessages(
  client: ClientBase,
  messages: readonly OutgoingMessage[],
): Promise<{ n: number; message: OutgoingMessage }[]> {
  const { rows } = await client.query<{ n: number; id: string }>({ name: 'messages', text: MESSAGES, values: [jsonOf(messages)] });
  // Of two with one id the first was taken.
  const byId = new Map([...messages].reverse().map((message) => [message.id, message]));
  return rows.sort((a, b) => a.n - b.n).map(({ n, id }) => ({ n, message: byId.get(id) as OutgoingMessage }));
}

export interface NewDelivery {
  readonly consumer: number;
  readonly message: number;
  readonly key: string;
  readonly since: number;
}

/** Adds deliveries that are not there and opens their lanes; answers how many. */
export async function deliver(client: ClientBase, deliveries: readonly NewDelivery[]): Promise<number> {
  if (deliveries.length === 0) return 0;
  // Lanes first, in one order everywhere: whoever closes one that is empty waits until this has filled it, or is done before.
  const given = jsonOf(deliveries);
  const [, added] = await Promise.all([
    client.query({ name: 'open-lanes', text: OPEN_LANES, values: [given] }),
    client.query({ name: 'deliver', text: DELIVER, values: [given] }),
  ]);
  return added.rowCount ?? 0;
}

const MESSAGES = `INSERT INTO outgoing (id, topic, type, key, at, labels, body)
  SELECT id, topic, type, key, at, labels, body
  FROM json_to_recordset($1::json) AS g (id text, topic text, type text, key text, at bigint, labels json, body text)
  ON CONFLICT (id) DO NOTHING RETURNING n, id`;
const OPEN_LANES = `INSERT INTO lane (consumer, key, next)
  SELECT consumer, key, min(since) FROM json_to_recordset($1::json) AS g (consumer int, key text, since bigint)
  GROUP BY consumer, key ORDER BY consumer, key COLLATE "C" ON CONFLICT (consumer, key) DO UPDATE SET next = lane.next`;
const DELIVER = `INSERT INTO delivery (consumer, message, key, since)
  SELECT consumer, message, key, since FROM json_to_recordset($1::json) AS g (consumer int, message bigint, key text, since bigint)
  ON CONFLICT (consumer, message) DO NOTHING`;
