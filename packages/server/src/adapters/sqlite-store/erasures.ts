import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { Happened } from '../../core/events.ts';
import type { Trip } from '../../core/trip.ts';
import { eventWithout, names, tripWithout } from '../../core/without-driver.ts';
import type { ErasedSome, Erasure, ErasurePart } from '../../hub/storage-ports.ts';
import { erasedName } from './erased-name.ts';

/** Rows looked at, or dropped, in one step: a commit waiting behind it hardly notices. */
const LOOKED_AT = 500;
const DROPPED = 2_000;

const NOTHING: ErasedSome = { rows: 0, trips: [], held: false, next: null };

/** What a driver left, as the writer takes it out. Every method but `scrub` and `flush` runs inside a transaction of the writer. */
export class ErasureWriter {
  readonly #db: DatabaseSync;
  readonly #sql: ReturnType<typeof prepare>;

  constructor(db: DatabaseSync) {
    this.#db = db;
    this.#sql = prepare(db);
  }

  /** Whether what is deleted is overwritten as well. */
  scrub(on: boolean): void {
    this.#db.exec(`PRAGMA secure_delete = ${on ? 'ON' : 'OFF'}`);
  }

  /** What was deleted is not left in the log of the database either, unless somebody still reads there. */
  flush(): void {
    this.#db.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  }

  /** From here on the number has no id, and the id no number. */
  begin(driver: string, number: number, at: number): void {
    this.#sql.rename.run(erasedName(number), number);
    this.#sql.noSnapshot.run(number);
    this.#sql.begin.run(driver, number, at);
  }

  hide({ n }: Erasure): void {
    this.#sql.hide.run(n);
  }

  done({ n }: Erasure): void {
    this.#sql.noDriver.run(n);
    this.#sql.done.run(n);
  }

  some(erasure: Erasure, part: ErasurePart, after: string | null): ErasedSome {
    switch (part) {
      case 'messages':
        return this.#messages(erasure, Number(after ?? 0));
      case 'trips':
        return this.#trips(erasure, after ?? '');
      case 'events':
        return this.#events(erasure, Number(after ?? 0));
      case 'sessions':
        return this.#sessions(erasure);
      case 'commands':
        return this.#commands(erasure);
      case 'fixes':
        return this.#fixes(erasure);
      case 'streams':
        return { ...NOTHING, rows: Number(this.#sql.noStreams.run(erasure.n).changes) };
    }
  }

  /** Those about the driver, and all about trips it drove. Their deliveries go with them. */
  #messages({ driver, at }: Erasure, after: number): ErasedSome {
    const { end } = this.#sql.messageEnd.get(after, LOOKED_AT) as { end: number | null };
    if (end === null) {
      this.#sql.noLanes.run(`driver:${driver}`);
      return NOTHING;
    }
    const rows = this.#sql.messages.all({ after, end, at, driver }) as unknown as { n: number; key: string; body: string; drove: number }[];
    const gone = rows.filter(
      ({ key, body, drove }) => key === `driver:${driver}` || drove === 1 || (body.includes(driver) && names(JSON.parse(body), driver)),
    );
    for (const { n } of gone) this.#sql.noMessage.run(n);
    return { rows: gone.length, trips: [], held: false, next: String(end) };
  }

  #trips({ driver, at }: Erasure, after: string): ErasedSome {
    const { end } = this.#sql.tripEnd.get(after, LOOKED_AT) as { end: string | null };
    if (end === null) return { ...NOTHING, held: this.#isOnItsWay(driver, at) };
    const found = this.#sql.trips.all(after, end, quoted(driver)) as { doc: string }[];
    const trips: string[] = [];
    let held = false;
    for (const { doc } of found) {
      const trip = tripWithout(JSON.parse(doc) as Trip, driver, at);
      if (trip === 'held') held = true;
      if (trip === 'held' || trip === null) continue;
      this.#sql.trip.run(trip.driverId, trip.revision, JSON.stringify(trip), trip.id);
      trips.push(trip.id);
    }
    return { rows: trips.length, trips, held, next: end };
  }

  /** A trip that was given away and has not arrived: what it leads to names who had it. */
  #isOnItsWay(driver: string, at: number): boolean {
    return (this.#sql.outbox.all(quoted(driver)) as { doc: string }[]).some(({ doc }) => {
      const entry = JSON.parse(doc) as { at: number; previous: string | null; trip: Trip };
      return entry.at <= at && (entry.previous === driver || tripWithout(entry.trip, driver, at) !== null);
    });
  }

  #events({ driver, at }: Erasure, after: number): ErasedSome {
    const { end } = this.#sql.eventEnd.get(after, LOOKED_AT) as { end: number | null };
    if (end === null) return NOTHING;
    const found = this.#sql.events.all(after, end, at, quoted(driver)) as { n: number; doc: string }[];
    let rows = 0;
    for (const { n, doc } of found) {
      const event = eventWithout(JSON.parse(doc) as Happened, driver);
      if (event === null) continue;
      if (event === 'gone') this.#sql.noEvent.run(n);
      else this.#sql.event.run(event.driverId, JSON.stringify(event), n);
      rows++;
    }
    return { rows, trips: [], held: false, next: String(end) };
  }

  #sessions({ driver, at }: Erasure): ErasedSome {
    const rows = Number(this.#sql.noSessions.run(driver, at, DROPPED).changes);
    return { rows, trips: [], held: this.#sql.openSession.get(driver, at) !== undefined, next: rows < DROPPED ? null : '' };
  }

  #commands({ driver, at }: Erasure): ErasedSome {
    const found = this.#sql.commands.all(at, quoted(driver)) as { partition: number; position: number; command: string }[];
    const gone = found.filter(({ command }) => names(JSON.parse(command), driver));
    for (const { partition, position } of gone) this.#sql.noCommand.run(partition, position);
    return { ...NOTHING, rows: gone.length };
  }

  #fixes({ n }: Erasure): ErasedSome {
    const rows = Number(this.#sql.noFixes.run(n, n, DROPPED).changes);
    return { ...NOTHING, rows, next: rows < DROPPED ? null : '' };
  }
}

/** As it stands in a document. */
function quoted(driver: string): string {
  return JSON.stringify(driver);
}

function prepare(db: DatabaseSync) {
  const sql = (text: string): StatementSync => db.prepare(text);
  const number = '(SELECT number FROM erasure WHERE n = ?)';
  return {
    rename: sql('UPDATE driver SET name = ? WHERE id = ?'),
    noSnapshot: sql('DELETE FROM snapshot WHERE driver = ?'),
    begin: sql('INSERT INTO erasure (driver, number, at) VALUES (?, ?, ?)'),
    hide: sql('UPDATE erasure SET hidden = 1 WHERE n = ?'),
    noDriver: sql(`DELETE FROM driver WHERE id = ${number}`),
    done: sql('DELETE FROM erasure WHERE n = ?'),
    messageEnd: sql('SELECT max(n) AS end FROM (SELECT n FROM outgoing WHERE n > ? ORDER BY n LIMIT ?)'),
    messages: sql(`SELECT n, key, body, substr(key, 1, 5) = 'trip:' AND EXISTS (
        SELECT 1 FROM event e WHERE e.trip = substr(o.key, 6) AND e.driver = :driver AND e.at <= :at) AS drove
      FROM outgoing o WHERE n > :after AND n <= :end AND at <= :at`),
    noMessage: sql('DELETE FROM outgoing WHERE n = ?'),
    noLanes: sql(`DELETE FROM lane WHERE key = ? AND holder IS NULL
      AND NOT EXISTS (SELECT 1 FROM delivery d WHERE d.consumer = lane.consumer AND d.key = lane.key AND d.state = 0)`),
    tripEnd: sql('SELECT max(id) AS end FROM (SELECT id FROM trip WHERE id > ? ORDER BY id LIMIT ?)'),
    trips: sql('SELECT doc FROM trip WHERE id > ? AND id <= ? AND instr(doc, ?) > 0'),
    trip: sql('UPDATE trip SET driver = ?, revision = ?, doc = ? WHERE id = ?'),
    outbox: sql('SELECT doc FROM outbox WHERE instr(doc, ?) > 0'),
    eventEnd: sql('SELECT max(n) AS end FROM (SELECT n FROM event WHERE n > ? ORDER BY n LIMIT ?)'),
    events: sql('SELECT n, doc FROM event WHERE n > ? AND n <= ? AND at <= ? AND instr(doc, ?) > 0'),
    event: sql('UPDATE event SET driver = ?, doc = ? WHERE n = ?'),
    noEvent: sql('DELETE FROM event WHERE n = ?'),
    noSessions: sql(`DELETE FROM connection_session WHERE id IN (
      SELECT id FROM connection_session WHERE subject = ? AND since <= ? AND until IS NOT NULL LIMIT ?)`),
    openSession: sql('SELECT 1 FROM connection_session WHERE subject = ? AND since <= ? LIMIT 1'),
    commands: sql('SELECT partition, position, command FROM set_aside WHERE at <= ? AND instr(command, ?) > 0'),
    noCommand: sql('DELETE FROM set_aside WHERE partition = ? AND position = ?'),
    noFixes: sql(`DELETE FROM fix WHERE driver = ${number} AND (at, id) IN (
      SELECT at, id FROM fix WHERE driver = ${number} ORDER BY at, id LIMIT ?)`),
    noStreams: sql(`DELETE FROM stream WHERE driver = ${number}`),
  };
}
