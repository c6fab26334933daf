import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { databaseForTest, emptyDatabase, killAmidFixes, movedHouse, progressOf, refused } from '../../support/moved-house.ts';
import { digests, killWaiting, moveData } from '../../support/moving.ts';
import { asDatabase } from '../../support/services/as-database.ts';

const { copyOf, house } = movedHouse();
/** Many starts of programs, one after the other. */
const LONG = { timeout: 180_000 };

it('killed at any point goes on where it stopped, and ends as if nothing had happened [M2]', LONG, async () => {
  const [inOne, inPieces] = [await databaseForTest(), await emptyDatabase()];
  expect(await moveData(copyOf(house()), inOne)).toMatchObject({ code: 0 });
  const dataDir = copyOf(house());
  await killWaiting(dataDir, inPieces, 'LOCK TABLE driver IN SHARE MODE');
  expect(await progressOf(inPieces, 'drivers')).toEqual([{ rows: '0', done: false }]);
  await killAmidFixes(dataDir, inPieces);
  await killWaiting(dataDir, inPieces, 'LOCK TABLE trip_stop IN SHARE MODE');
  expect(await progressOf(inPieces, 'snapshots')).toMatchObject([{ done: true }]);
  // What comes after all rows are there, and after they were compared.
  await killWaiting(dataDir, inPieces, 'LOCK TABLE lane IN SHARE MODE');
  const [day] = await asDatabase<{ name: string }>(
    inPieces,
    `SELECT inhrelid::regclass::text AS name FROM pg_inherits WHERE inhparent = 'location_history'::regclass`,
  );
  await killWaiting(dataDir, inPieces, `LOCK TABLE ${day?.name} IN ACCESS SHARE MODE`);
  expect(await progressOf(inPieces, 'sessions')).toMatchObject([{ done: true }]);
  await killWaiting(dataDir, inPieces, 'LOCK TABLE driver IN SHARE UPDATE EXCLUSIVE MODE');
  expect(JSON.parse(readFileSync(join(dataDir, 'moved.json'), 'utf8'))).toMatchObject({ moved: expect.stringMatching(/^20/) });

  const moved = await moveData(dataDir, inPieces);
  expect(moved, moved.err).toMatchObject({ code: 0 });
  expect(await digests(inPieces)).toEqual(await digests(inOne));
});

it('finds every row that is not the same, and is not done [M2]', LONG, async () => {
  const dataDir = copyOf(house());
  const url = await emptyDatabase();
  await killWaiting(dataDir, url, 'LOCK TABLE driver IN SHARE UPDATE EXCLUSIVE MODE');
  const changes: [change: string, undo: string, ...words: RegExp[]][] = [
    [
      'UPDATE location_history SET speed = 4126 WHERE speed = 4125 AND (driver, at) = (SELECT driver, min(at) FROM location_history WHERE speed = 4125 GROUP BY driver LIMIT 1)',
      'UPDATE location_history SET speed = 4125 WHERE speed = 4126',
      /has 4126 as speed of driver \d+, at \d+, id \d+ in location_history, the embedded database 4125/,
    ],
    [
      `CREATE TABLE aside AS SELECT * FROM event ORDER BY n DESC LIMIT 1; DELETE FROM event WHERE n = (SELECT n FROM aside)`,
      'INSERT INTO event OVERRIDING SYSTEM VALUE SELECT * FROM aside',
      /no further row in event where the embedded database has one of n \d+/,
    ],
    [
      `INSERT INTO stream (n, driver, id) OVERRIDING SYSTEM VALUE VALUES (99, 1, 'more')`,
      `DELETE FROM stream WHERE id = 'more'`,
      /has a row of n \d+ in stream where the embedded database has none/,
    ],
    [
      `UPDATE trip_tracking SET doc = replace(doc::text, '"Drew"', '"Dreq"')::json WHERE id = 'driven'`,
      `UPDATE trip_tracking SET doc = replace(doc::text, '"Dreq"', '"Drew"')::json WHERE id = 'driven'`,
      /as doc of id driven in trip_tracking/,
    ],
    [
      `UPDATE trip_stop SET location = ST_MakePoint(13, 52) WHERE trip = 'driven' AND n = 2`,
      `UPDATE trip_stop SET location = (SELECT ST_MakePoint((doc -> 'stops' -> 1 ->> 'lng')::float8, (doc -> 'stops' -> 1 ->> 'lat')::float8) FROM trip_tracking WHERE id = 'driven') WHERE trip = 'driven' AND n = 2`,
      /has \[52, ?13\] as location of trip driven, n 2 in trip_stop/,
    ],
    [
      `UPDATE driver_locations SET bearing = 1 WHERE driver_id = 'bulk0'`,
      `UPDATE driver_locations SET bearing = 359.99 WHERE driver_id = 'bulk0'`,
      /has 1 as bearing of driver_id bulk0/,
    ],
    [
      'UPDATE partition_cursor SET position = 1 WHERE partition = 0',
      'UPDATE partition_cursor SET position = 0 WHERE partition = 0',
      /in partition_cursor/,
    ],
    ['UPDATE driver_tail SET since = since + 1', 'UPDATE driver_tail SET since = since - 1', /as since of driver \d+ in driver_tail/],
  ];
  for (const [change, undo, ...words] of changes) {
    await asDatabase(url, change);
    refused(await moveData(dataDir, url), /what was moved is not the same/, ...words);
    await asDatabase(url, undo);
  }
  expect(await moveData(dataDir, url)).toMatchObject({ code: 0 });
});
