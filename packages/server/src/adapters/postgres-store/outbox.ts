import type {
  Attempt,
  Consumer,
  DeliveryRecord,
  DeliveryState,
  Exchange,
  Exchanged,
  Outbox,
  OutgoingMessage,
  Replay,
} from '../../hub/outbox/ports.ts';
import type { Page } from '../../hub/page.ts';
import { jsonOf } from './json-of.ts';
import { claim } from './outgoing-claim.ts';
import { prune, replay } from './outgoing-keep.ts';
import { deliver, insertMessages, readConsumers } from './outgoing-record.ts';
import { STATES, settle } from './outgoing-settle.ts';
import type { Primary } from './primary.ts';

interface DeliveryRow {
  readonly n: number;
  readonly id: string;
  readonly topic: OutgoingMessage['topic'];
  readonly type: string;
  readonly key: string;
  readonly at: number;
  readonly state: number;
  readonly since: number;
  readonly settled: number | null;
  readonly tries: number;
  readonly attempts: Attempt[];
}

/**
 * Messages on their way out, shared by all processes. A lane is there while a consumer has something pending of a key;
 * it says when that is due, and who is at it, so that looking for work never looks at the backlog.
 */
export class PostgresOutbox implements Outbox {
  readonly #primary: Primary;
  readonly #process: number;
  #turn = 0;

  constructor(primary: Primary, process: number) {
    this.#primary = primary;
    this.#process = process;
  }

  async exchange(exchange: Exchange): Promise<Exchanged> {
    const turn = this.#turn++;
    return await this.#primary.transaction(async (client) => {
      const known = await readConsumers(client);
      await settle(client, known, exchange.settled, exchange.holder, exchange.now);
      if (exchange.limit === 0) return await claim(client, [], exchange, turn, this.#process);
      const isChanged = exchange.settled.some(({ disable }) => disable !== null);
      return await claim(client, isChanged ? await readConsumers(client) : known, exchange, turn, this.#process);
    });
  }

  async consumers(): Promise<readonly Consumer[]> {
    const rows = await this.#primary.rows<{ doc: Consumer }>('SELECT doc FROM consumer WHERE doc IS NOT NULL ORDER BY n');
    return rows.map(({ doc }) => doc);
  }

  async putConsumer(consumer: Consumer, expected: number): Promise<boolean> {
    const doc = jsonOf(consumer);
    const rows =
      expected === 0
        ? await this.#primary.rows(CREATE, [consumer.id, doc])
        : await this.#primary.rows(CHANGE, [consumer.id, doc, expected]);
    return rows.length > 0;
  }

  async removeConsumer(id: string): Promise<boolean> {
    const rows = await this.#primary.rows('UPDATE consumer SET doc = NULL WHERE id = $1 AND doc IS NOT NULL RETURNING n', [id]);
    return rows.length > 0;
  }

  async enqueue(consumerId: string, message: OutgoingMessage): Promise<void> {
    await this.#primary.transaction(async (client) => {
      const known = (await readConsumers(client)).find(({ consumer }) => consumer.id === consumerId);
      if (known === undefined) return;
      const added = await insertMessages(client, [message]);
      await deliver(
        client,
        added.map(({ n }) => ({ consumer: known.n, message: n, key: message.key, since: message.at })),
      );
    });
  }

  async deliveries(consumerId: string, state: DeliveryState | null, limit: number, cursor: string | null): Promise<Page<DeliveryRecord>> {
    const rows = await this.#primary.rows<DeliveryRow>(DELIVERIES, [
      consumerId,
      state === null ? null : STATES.indexOf(state),
      cursor ?? String(Number.MAX_SAFE_INTEGER),
      limit + 1,
    ]);
    const last = rows.length > limit ? rows[limit - 1] : undefined;
    return { items: rows.slice(0, limit).map(recordOf), cursor: last === undefined ? null : String(last.n) };
  }

  async replay(consumerId: string, which: Replay, now: number, cursor: string | null): Promise<{ count: number; cursor: string | null }> {
    return await this.#primary.transaction(async (client) => {
      const known = (await readConsumers(client)).find(({ consumer }) => consumer.id === consumerId);
      return known === undefined ? { count: 0, cursor: null } : await replay(client, known, which, now, cursor);
    });
  }

  async prune(now: number, expired: number, old: number): Promise<boolean> {
    return await this.#primary.transaction((client) => prune(client, now, expired, old));
  }

  async counts(): Promise<{ pending: number; dead: number }> {
    const rows = await this.#primary.rows<{ pending: number; dead: number }>(
      'SELECT (SELECT count(*) FROM delivery WHERE state = 0) AS pending, (SELECT count(*) FROM delivery WHERE state = 2) AS dead',
    );
    return rows[0] ?? { pending: 0, dead: 0 };
  }

  /** Lanes that processes held which are gone are free at once; nobody waits for their leases. */
  async freeLanesOfOthers(living: readonly number[]): Promise<void> {
    await this.#primary.rows(FREE_OTHERS, [living]);
  }
}

function recordOf({ id, topic, type, key, at, state, since, settled, tries, attempts }: DeliveryRow): DeliveryRecord {
  return { message: { id, topic, type, key, at }, state: STATES[state] ?? 'pending', since, settledAt: settled, tries, attempts };
}

/** One that was removed and is still going keeps its name until it is gone, and gets it back. */
const CREATE = `INSERT INTO consumer AS c (id, doc) VALUES ($1, $2)
  ON CONFLICT (id) DO UPDATE SET doc = excluded.doc WHERE c.doc IS NULL RETURNING n`;
const CHANGE = `UPDATE consumer SET doc = $2 WHERE id = $1 AND (doc ->> 'revision')::int = $3 RETURNING n`;
const DELIVERIES = `SELECT o.n, o.id, o.topic, o.type, o.key, o.at, d.state, d.since, d.settled, d.tries, d.attempts
  FROM delivery d JOIN outgoing o ON o.n = d.message
  WHERE d.consumer = (SELECT n FROM consumer WHERE id = $1 AND doc IS NOT NULL) AND ($2::smallint IS NULL OR d.state = $2)
  AND d.message < $3 ORDER BY d.message DESC LIMIT $4`;
const FREE_OTHERS = `UPDATE lane SET next = 0, holder = NULL, process = NULL WHERE (consumer, key) IN (
  SELECT consumer, key FROM lane WHERE process <> ALL ($1::bigint[]) ORDER BY consumer, key FOR UPDATE SKIP LOCKED)`;
