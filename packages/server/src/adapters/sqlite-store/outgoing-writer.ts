import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { isWanted } from '../../core/wanted.ts';
import type { Attempt, Claim, Consumer, Exchange, Exchanged, OutgoingMessage, Replay, Settled } from '../../hub/outbox/ports.ts';
import { type MessageRow, PENDING, readMessage, STATES } from './outgoing-rows.ts';

/** Of each delivery the last attempts are kept. */
const KEPT_ATTEMPTS = 10;
/** Deliveries or messages touched by one step of pruning or replaying: a commit waiting behind it hardly notices. */
const STEP = 200;

interface DeliveryRow {
  readonly state: number;
  readonly tries: number;
  readonly failures: number;
  readonly attempts: string;
}

interface Known {
  readonly n: number;
  readonly consumer: Consumer;
}

/**
 * Messages on their way out, as the writer sees them. Every method runs inside a transaction of the writer.
 * A lane is there while a consumer has something pending of a key; it says when that is due, so that looking for
 * work never looks at the backlog.
 */
export class OutgoingWriter {
  readonly #sql: ReturnType<typeof prepare>;
  #known: readonly Known[] | null = null;
  #turn = 0;

  constructor(db: DatabaseSync) {
    this.#sql = prepare(db);
    // Whoever held a lane is gone: this process has the folder to itself.
    this.#sql.freeLanes.run();
  }

  /** A transaction failed: what was read in it may not be so. */
  forget(): void {
    this.#known = null;
  }

  /** New messages, with a delivery for each consumer that wants them. */
  record(messages: readonly OutgoingMessage[]): void {
    for (const message of messages) {
      const n = this.#insert(message);
      if (n === null) continue;
      for (const { n: consumer, consumer: wish } of this.#consumers()) {
        if (wish.enabled && isWanted(wish, message)) this.#deliver(consumer, n, message.key, message.at);
      }
    }
  }

  exchange({ now, holder, leaseUntil, settled, limit, perConsumer, room }: Exchange): Exchanged {
    for (const one of settled) this.#settle(one, holder, now);
    const claims: Claim[] = [];
    let nextAt: number | null = null;
    const active = this.#consumers().filter(({ consumer }) => consumer.enabled && consumer.url !== null);
    // Nobody is always the first to be served.
    const from = active.length === 0 ? 0 : this.#turn++ % active.length;
    for (const { n, consumer } of [...active.slice(from), ...active.slice(0, from)]) {
      const most = Math.min(room[consumer.id] ?? perConsumer, limit - claims.length);
      if (most <= 0) continue;
      const due = this.#sql.due.all(n, now, most) as { key: string }[];
      for (const { key } of due) claims.push(...this.#claim(n, consumer, key, holder, leaseUntil));
      if (due.length === most) continue;
      const next = this.#sql.nextDue.get(n, now) as { next: number } | undefined;
      if (next !== undefined) nextAt = Math.min(nextAt ?? next.next, next.next);
    }
    return { claims, nextAt };
  }

  putConsumer(consumer: Consumer, expected: number): boolean {
    const known = this.#consumers().find((one) => one.consumer.id === consumer.id);
    if ((known?.consumer.revision ?? 0) !== expected) return false;
    this.#sql.putConsumer.run(consumer.id, JSON.stringify(consumer));
    this.#known = null;
    return true;
  }

  removeConsumer(id: string): boolean {
    const { changes } = this.#sql.removeConsumer.run(id);
    this.#known = null;
    return Number(changes) > 0;
  }

  enqueue(consumerId: string, message: OutgoingMessage): void {
    const known = this.#consumers().find(({ consumer }) => consumer.id === consumerId);
    const n = known === undefined ? null : this.#insert(message);
    if (known !== undefined && n !== null) this.#deliver(known.n, n, message.key, message.at);
  }

  replay(consumerId: string, which: Replay, now: number, cursor: string | null): { count: number; cursor: string | null } {
    const known = this.#consumers().find(({ consumer }) => consumer.id === consumerId);
    if (known === undefined) return { count: 0, cursor: null };
    if ('messageIds' in which) {
      const found = which.messageIds.map((id) => this.#sql.messageById.get(id) as { n: number; key: string } | undefined);
      return { count: found.filter((row) => row !== undefined && this.#again(known.n, row.n, row.key, now)).length, cursor: null };
    }
    const [at = which.since, after = -1] = cursor?.split('~').map(Number) ?? [];
    const rows = this.#sql.messagesSince.all(at, after, now, STEP) as unknown as (MessageRow & { n: number })[];
    let count = 0;
    for (const row of rows) {
      const message = readMessage(row);
      if (!isWanted(known.consumer, message)) continue;
      if (this.#again(known.n, row.n, message.key, now)) count++;
      else if (this.#deliver(known.n, row.n, message.key, now)) count++;
    }
    const last = rows.at(-1);
    return { count, cursor: last === undefined || rows.length < STEP ? null : `${last.at}~${last.n}` };
  }

  prune(now: number, expired: number, old: number): boolean {
    return this.#forgetRemoved() || this.#expire(now, expired) || Number(this.#sql.forgetOld.run(old, STEP).changes) === STEP;
  }

  /** Null when it is there already. */
  #insert({ id, topic, type, key, at, labels, body }: OutgoingMessage): number | null {
    const { changes, lastInsertRowid } = this.#sql.insert.run(id, topic, type, key, at, JSON.stringify(labels), body);
    return Number(changes) === 0 ? null : Number(lastInsertRowid);
  }

  #deliver(consumer: number, message: number, key: string, since: number): boolean {
    const { changes } = this.#sql.deliver.run(consumer, message, key, since);
    if (Number(changes) === 0) return false;
    this.#sql.openLane.run(consumer, key, since);
    return true;
  }

  /** A settled delivery begins another life. */
  #again(consumer: number, message: number, key: string, now: number): boolean {
    if (Number(this.#sql.again.run(now, consumer, message).changes) === 0) return false;
    this.#sql.openLane.run(consumer, key, now);
    this.#sql.hurryLane.run(now, consumer, key);
    return true;
  }

  #claim(n: number, consumer: Consumer, key: string, holder: string, leaseUntil: number): Claim[] {
    const row = this.#sql.head.get(n, key) as (MessageRow & { failures: number; since: number }) | undefined;
    if (row === undefined) {
      this.#sql.closeLane.run(n, key);
      return [];
    }
    this.#sql.holdLane.run(leaseUntil, holder, n, key);
    return [{ consumer, message: readMessage(row), tries: row.failures, since: row.since }];
  }

  #settle({ consumerId, key, messageId, outcome, attempt, retryAt, disable, recovered }: Settled, holder: string, now: number): void {
    const known = this.#consumers().find(({ consumer }) => consumer.id === consumerId);
    const message = (this.#sql.messageById.get(messageId) as { n: number } | undefined)?.n;
    if (known === undefined || message === undefined) return;
    const { n } = known;
    const isHeld = (this.#sql.lane.get(n, key) as { holder: string | null } | undefined)?.holder === holder;
    if (outcome !== 'given back') this.#note(n, message, outcome, attempt, isHeld, now);
    if (isHeld) this.#freeLane(n, key, outcome === 'failed' ? retryAt : now);
    if (disable !== null && known.consumer.enabled) {
      const { revision } = known.consumer;
      this.putConsumer({ ...known.consumer, enabled: false, disabledReason: disable, revision: revision + 1 }, revision);
    }
    if (recovered) this.#sql.hurryLanes.run(now, n, now);
  }

  /** Whoever lost the lane meanwhile has nothing to say but that it got through. */
  #note(n: number, message: number, outcome: 'delivered' | 'failed' | 'dead', attempt: Attempt | null, isHeld: boolean, now: number): void {
    const row = this.#sql.delivery.get(n, message) as DeliveryRow | undefined;
    if (row === undefined || (!isHeld && outcome !== 'delivered')) return;
    const attempts = JSON.parse(row.attempts) as Attempt[];
    if (attempt !== null) attempts.push(attempt);
    const state = row.state === PENDING || outcome === 'delivered' ? STATES.indexOf(outcome === 'failed' ? 'pending' : outcome) : row.state;
    const failures = row.failures + (outcome === 'delivered' ? 0 : 1);
    const settled = state === PENDING ? null : now;
    this.#sql.note.run(state, settled, row.tries + 1, failures, JSON.stringify(attempts.slice(-KEPT_ATTEMPTS)), n, message);
  }

  #freeLane(consumer: number, key: string, next: number): void {
    if (this.#sql.pending.get(consumer, key) === undefined) this.#sql.closeLane.run(consumer, key);
    else this.#sql.freeLane.run(next, consumer, key);
  }

  /** A consumer that was removed goes piece by piece. */
  #forgetRemoved(): boolean {
    const gone = this.#sql.removed.get() as { n: number } | undefined;
    if (gone === undefined) return false;
    if (Number(this.#sql.forgetDeliveries.run(gone.n, gone.n, STEP).changes) > 0) return true;
    this.#sql.forgetLanes.run(gone.n);
    this.#sql.forgetConsumer.run(gone.n);
    return true;
  }

  #expire(now: number, before: number): boolean {
    for (const { n, consumer } of this.#consumers()) {
      if (consumer.enabled && consumer.url !== null) continue;
      const waited = this.#sql.waited.all(n, before, STEP) as { message: number; key: string }[];
      for (const { message, key } of waited) {
        this.#sql.die.run(now, n, message);
        if (this.#sql.pending.get(n, key) === undefined) this.#sql.closeLane.run(n, key);
      }
      if (waited.length === STEP) return true;
    }
    return false;
  }

  #consumers(): readonly Known[] {
    this.#known ??= (this.#sql.consumers.all() as { n: number; doc: string }[]).map(({ n, doc }) => ({
      n,
      consumer: JSON.parse(doc) as Consumer,
    }));
    return this.#known;
  }
}

function prepare(db: DatabaseSync) {
  const sql = (text: string): StatementSync => db.prepare(text);
  const columns = 'o.id, o.topic, o.type, o.key, o.at, o.labels, o.body';
  return {
    insert: sql('INSERT OR IGNORE INTO outgoing (id, topic, type, key, at, labels, body) VALUES (?, ?, ?, ?, ?, ?, ?)'),
    messageById: sql('SELECT n, key FROM outgoing WHERE id = ?'),
    messagesSince: sql(`SELECT n, ${columns} FROM outgoing o WHERE (at, n) > (?, ?) AND at <= ? ORDER BY at, n LIMIT ?`),
    forgetOld: sql(`DELETE FROM outgoing WHERE n IN (SELECT n FROM outgoing WHERE at < ?
      AND NOT EXISTS (SELECT 1 FROM delivery WHERE message = n AND state = 0) ORDER BY at LIMIT ?)`),
    consumers: sql('SELECT n, doc FROM consumer WHERE doc IS NOT NULL ORDER BY n'),
    putConsumer: sql('INSERT INTO consumer (id, doc) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET doc = excluded.doc'),
    removeConsumer: sql('UPDATE consumer SET doc = NULL WHERE id = ? AND doc IS NOT NULL'),
    removed: sql('SELECT n FROM consumer WHERE doc IS NULL LIMIT 1'),
    forgetConsumer: sql('DELETE FROM consumer WHERE n = ?'),
    forgetLanes: sql('DELETE FROM lane WHERE consumer = ?'),
    forgetDeliveries: sql(
      'DELETE FROM delivery WHERE consumer = ? AND message IN (SELECT message FROM delivery WHERE consumer = ? LIMIT ?)',
    ),
    deliver: sql('INSERT OR IGNORE INTO delivery (consumer, message, key, since) VALUES (?, ?, ?, ?)'),
    again: sql('UPDATE delivery SET state = 0, since = ?, settled = NULL, failures = 0 WHERE consumer = ? AND message = ? AND state <> 0'),
    delivery: sql('SELECT state, tries, failures, attempts FROM delivery WHERE consumer = ? AND message = ?'),
    note: sql('UPDATE delivery SET state = ?, settled = ?, tries = ?, failures = ?, attempts = ? WHERE consumer = ? AND message = ?'),
    die: sql('UPDATE delivery SET state = 2, settled = ? WHERE consumer = ? AND message = ?'),
    waited: sql('SELECT message, key FROM delivery WHERE consumer = ? AND state = 0 AND since < ? LIMIT ?'),
    pending: sql('SELECT 1 FROM delivery WHERE consumer = ? AND key = ? AND state = 0 LIMIT 1'),
    head: sql(`SELECT ${columns}, d.failures, d.since FROM delivery d JOIN outgoing o ON o.n = d.message
      WHERE d.consumer = ? AND d.key = ? AND d.state = 0 ORDER BY d.message LIMIT 1`),
    lane: sql('SELECT holder FROM lane WHERE consumer = ? AND key = ?'),
    openLane: sql('INSERT OR IGNORE INTO lane (consumer, key, next) VALUES (?, ?, ?)'),
    closeLane: sql('DELETE FROM lane WHERE consumer = ? AND key = ?'),
    holdLane: sql('UPDATE lane SET next = ?, holder = ? WHERE consumer = ? AND key = ?'),
    freeLane: sql('UPDATE lane SET next = ?, holder = NULL WHERE consumer = ? AND key = ?'),
    freeLanes: sql('UPDATE lane SET next = 0, holder = NULL WHERE holder IS NOT NULL'),
    hurryLane: sql('UPDATE lane SET next = ? WHERE consumer = ? AND key = ? AND holder IS NULL'),
    hurryLanes: sql('UPDATE lane SET next = ? WHERE consumer = ? AND next > ? AND holder IS NULL'),
    due: sql('SELECT key FROM lane WHERE consumer = ? AND next <= ? ORDER BY next LIMIT ?'),
    nextDue: sql('SELECT next FROM lane WHERE consumer = ? AND next > ? ORDER BY next LIMIT 1'),
  };
}
