import { DatabaseSync } from 'node:sqlite';
import { describe, expect, it } from 'vitest';
import { adoptEntry } from '../../core/drive-trip.ts';
import { restoreDriver, snapshotOf } from '../../core/driver.ts';
import { BY, driverAt, sampleTrip, T0 } from '../../hub/contracts/samples.ts';
import { migrate } from './schema.ts';

/** A trip as the first version wrote it: without what came later. */
function asBefore(id: string): object {
  const { order: _, expiresAt: __, updatedAt: ___, ...trip } = sampleTrip(id);
  return trip;
}

describe('a database of the first version', () => {
  it('is brought on with its trips, wherever they are kept', () => {
    const db = new DatabaseSync(':memory:');
    migrate(db, 1);
    db.exec(`INSERT INTO driver (id, name) VALUES (1, 'd'), (2, 'e')`);
    const state = { ...snapshotOf(driverAt('d', 7)), trips: [asBefore('t1'), asBefore('t2')] };
    db.prepare('INSERT INTO snapshot VALUES (1, 1, ?)').run(JSON.stringify(state));
    db.prepare('INSERT INTO snapshot VALUES (2, 0, ?)').run(JSON.stringify({ ...state, trips: [] }));
    db.prepare(`INSERT INTO trip VALUES ('t1', 1, 'ride', 'PENDING', 1, 'd', ${T0}, ?)`).run(JSON.stringify(asBefore('t1')));
    db.prepare(`INSERT INTO outbox (id, doc) VALUES ('t3/adopt/1', ?)`).run(
      JSON.stringify({ ...adoptEntry(sampleTrip('t3'), null, T0, BY), trip: asBefore('t3') }),
    );
    migrate(db);
    const doc = (text: string) => JSON.parse((db.prepare(text).get() as { doc: string }).doc) as unknown;
    expect(doc(`SELECT doc FROM trip WHERE id = 't1'`)).toEqual(sampleTrip('t1'));
    expect(doc('SELECT doc FROM outbox')).toMatchObject({ trip: sampleTrip('t3') });
    const kept = doc('SELECT state AS doc FROM snapshot WHERE driver = 1') as ReturnType<typeof snapshotOf>;
    expect(kept.trips).toEqual([sampleTrip('t1'), sampleTrip('t2')]);
    expect(restoreDriver('d', 'e2', kept).trips).toHaveLength(2);
    expect(doc('SELECT state AS doc FROM snapshot WHERE driver = 2')).toMatchObject({ trips: [] });
    db.close();
  });

  it('is not taken when it is of a newer program', () => {
    const db = new DatabaseSync(':memory:');
    db.exec('PRAGMA user_version = 999');
    expect(() => migrate(db)).toThrow(/newer Waycast/);
    db.close();
  });
});
