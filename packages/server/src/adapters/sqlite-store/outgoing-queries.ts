import type { DatabaseSync } from 'node:sqlite';
import type { Attempt, Consumer, DeliveryRecord, DeliveryState, OutgoingMessage } from '../../hub/outbox/ports.ts';
import type { Page } from '../../hub/page.ts';
import { STATES } from './outgoing-rows.ts';

interface Row {
  readonly n: number;
  readonly id: string;
  readonly topic: string;
  readonly type: string;
  readonly key: string;
  readonly at: number;
  readonly state: number;
  readonly since: number;
  readonly settled: number | null;
  readonly tries: number;
  readonly attempts: string;
}

/** Messages on their way out, as readers see them. */
export class OutgoingQueries {
  readonly #db: DatabaseSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
  }

  consumers(): Consumer[] {
    const rows = this.#db.prepare('SELECT doc FROM consumer WHERE doc IS NOT NULL ORDER BY n').all() as { doc: string }[];
    return rows.map(({ doc }) => JSON.parse(doc) as Consumer);
  }

  deliveries(consumerId: string, state: DeliveryState | null, limit: number, cursor: string | null): Page<DeliveryRecord> {
    const text = `SELECT o.n, o.id, o.topic, o.type, o.key, o.at, d.state, d.since, d.settled, d.tries, d.attempts
      FROM delivery d JOIN outgoing o ON o.n = d.message
      WHERE d.consumer = (SELECT n FROM consumer WHERE id = ? AND doc IS NOT NULL) ${state === null ? '' : 'AND d.state = ?'}
        AND d.message < ? ORDER BY d.message DESC LIMIT ?`;
    const values = [
      consumerId,
      ...(state === null ? [] : [STATES.indexOf(state)]),
      cursor === null ? Number.MAX_SAFE_INTEGER : Number(cursor),
    ];
    const rows = this.#db.prepare(text).all(...values, limit + 1) as unknown as Row[];
    const last = rows.length > limit ? rows[limit - 1] : undefined;
    return { items: rows.slice(0, limit).map(recordOf), cursor: last === undefined ? null : String(last.n) };
  }

  counts(): { pending: number; dead: number } {
    const count = this.#db.prepare('SELECT count(*) AS n FROM delivery WHERE state = ?');
    const of = (state: DeliveryState): number => (count.get(STATES.indexOf(state)) as { n: number }).n;
    return { pending: of('pending'), dead: of('dead') };
  }
}

function recordOf({ id, topic, type, key, at, state, since, settled, tries, attempts }: Row): DeliveryRecord {
  return {
    message: { id, topic: topic as OutgoingMessage['topic'], type, key, at },
    state: STATES[state] ?? 'pending',
    since,
    settledAt: settled,
    tries,
    attempts: JSON.parse(attempts) as Attempt[],
  };
}
