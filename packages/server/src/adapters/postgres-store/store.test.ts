import { afterEach, describe, expect, it } from 'vitest';
import { until } from '../../../../../test/support/until.ts';
import { activeTrip } from '../../core/driver.ts';
import { consumerOf, messageOf, settledOf, worker } from '../../hub/contracts/outbox-samples.ts';
import { commitOf, creation, driverAt, fixAt, history, row, sampleTrip, T0 } from '../../hub/contracts/samples.ts';
import { recordMessages } from './outgoing-record.ts';
import { openPostgresStore, type PostgresStore } from './store.ts';
import { asked, type Database, database } from './testing/database.ts';

const places: Database[] = [];
const opened: PostgresStore[] = [];
afterEach(async () => {
  await Promise.all(opened.splice(0).map((store) => store.close()));
  await Promise.all(places.splice(0).map((place) => place.remove()));
});

function place(): Database {
  const one = database();
  places.push(one);
  return one;
}

async function open(at: Database): Promise<PostgresStore> {
  const store = await at.open();
  opened.push(store);
  return store;
}

const rowsOf = (at: Database, text: string) => asked(at.url(), async (client) => (await client.query(text)).rows);

describe('the tables, for people and other programs', () => {
  it('driver_locations: one row per driver, where it was, by PostGIS [P10]', async () => {
    const at = place();
    const store = await open(at);
    const driving = driverAt('d', 1, { latest: fixAt(5, 0, { lat: 44.5, lng: 11.25 }) });
    driving.trips = [activeTrip(driving, sampleTrip('t', { driverId: 'd' }))];
    await store.commit(commitOf({ snapshots: [driving, driverAt('nowhere', 1)] }));
    await store.commit(commitOf({ snapshots: [{ ...driving, position: 2 }] }));
    const near = `SELECT driver_id, ST_Y(location::geometry) AS lat, ST_X(location::geometry) AS lng, online, trips, labels, captured_at
      FROM driver_locations WHERE ST_DWithin(location, ST_MakePoint(11.25, 44.501)::geography, 200)`;
    expect(await rowsOf(at, near)).toEqual([
      { driver_id: 'd', lat: 44.5, lng: 11.25, online: true, trips: ['t'], labels: ['taxi'], captured_at: T0 + 5_000 },
    ]);
    expect(await rowsOf(at, 'SELECT driver_id, location FROM driver_locations WHERE location IS NULL')).toEqual([
      { driver_id: 'nowhere', location: null },
    ]);
  });

  it('trip_stop: the stops of the newest revision, no more of those that are gone [P10]', async () => {
    const at = place();
    const store = await open(at);
    const stops = (...places_: number[]) => {
      const [stop] = sampleTrip('t').stops;
      return places_.map((lat, n) => ({ ...(stop as NonNullable<typeof stop>), id: `s${n}`, lat }));
    };
    const listed = 'SELECT n, id, ST_Y(location::geometry) AS lat, party FROM trip_stop ORDER BY n';
    await store.commit(commitOf({ trips: [sampleTrip('t', { revision: 2, stops: stops(1, 2, 3) })] }));
    await store.commit(commitOf({ trips: [sampleTrip('t', { revision: 1, stops: stops(9) })] }));
    expect((await rowsOf(at, listed)).map(({ lat }) => lat)).toEqual([1, 2, 3]);
    expect(await store.changeTrip({ ...creation(sampleTrip('t', { revision: 3, stops: stops(4, 5) })), expected: 2 })).toBe(true);
    expect(await rowsOf(at, listed)).toEqual([
      { n: 1, id: 's0', lat: 4, party: 'car-a' },
      { n: 2, id: 's1', lat: 5, party: 'car-a' },
    ]);
    await store.commit(commitOf({ removedTrips: ['t'] }));
    expect(await rowsOf(at, listed)).toEqual([]);
  });

  it('location_history lies in the day of its receipt, UTC [P10]', async () => {
    const at = place();
    const store = await open(at);
    const midnight = Date.UTC(2026, 0, 6);
    await store.commit(commitOf({ rows: [row(1, 1, { receivedAt: midnight - 1 }), row(2, 2, { receivedAt: midnight })] }));
    const where = 'SELECT tableoid::regclass::text AS day, position FROM location_history ORDER BY position';
    expect(await rowsOf(at, where)).toEqual([
      { day: 'location_history_20260105', position: 1 },
      { day: 'location_history_20260106', position: 2 },
    ]);
    expect(await history(store, 'd', 10)).toHaveLength(2);
  });
});

describe('several processes', () => {
  it('leave the lanes of living ones alone; those of the dead are free at once [W8]', async () => {
    const at = place();
    const mine = await open(at);
    await mine.outbox.putConsumer(consumerOf('a'), 0);
    await mine.commit(commitOf({ messages: [messageOf('m1'), messageOf('m2')] }));
    expect(await worker(mine.outbox, 'mine').claim()).toEqual(['a/m1']);
    const yours = await open(at);
    expect(await worker(yours.outbox, 'yours').claim()).toEqual([]);
    await yours.departed([yours.process]);
    expect(await worker(yours.outbox, 'yours').claim()).toEqual(['a/m1']);
  });

  it('end the sockets of the dead, and those only [K16]', async () => {
    const at = place();
    const mine = await open(at);
    const yours = await open(at);
    const session = (id: string) => ({
      id,
      subject: id,
      role: null,
      surface: 'stream',
      kind: 'WEBSOCKET' as const,
      about: null,
      since: T0,
      last: T0 + 5,
      until: null,
    });
    await mine.recordSessions([session('m')]);
    await yours.recordSessions([session('y')]);
    await open(at);
    expect((await yours.sessions({ open: true }, 10, null)).items.map(({ id }) => id)).toEqual(['m', 'y']);
    await yours.departed([yours.process]);
    expect((await yours.sessions({}, 10, null)).items.map(({ id, until }) => [id, until])).toEqual([
      ['m', T0 + 5],
      ['y', null],
    ]);
  });

  it('lose no message that is recorded while the one before it is settled [W8]', async () => {
    const at = place();
    const store = await open(at);
    await store.outbox.putConsumer(consumerOf('a'), 0);
    await store.commit(commitOf({ messages: [messageOf('m1')] }));
    const me = worker(store.outbox);
    expect(await me.claim()).toEqual(['a/m1']);
    const settling = await asked(at.url(), async (client) => {
      await client.query('BEGIN');
      await recordMessages(client, [messageOf('m2')]);
      let isSettled = false;
      const settled = me.exchange({ settled: [settledOf('a', messageOf('m1'))], limit: 0 }).then(() => {
        isSettled = true;
      });
      const blocked = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'`;
      await until(
        async () => isSettled || (await client.query(blocked)).rowCount === 1,
        (isSo) => isSo,
      );
      await client.query('COMMIT');
      return settled;
    });
    await settling;
    expect(await me.claim()).toEqual(['a/m2']);
  });

  it('work off one outbox together: each message once, of each key in order [W7, W8]', async () => {
    const at = place();
    const stores = [await open(at), await open(at), await open(at)];
    await stores[0]?.outbox.putConsumer(consumerOf('a'), 0);
    const sent: string[] = [];
    let recorded = 0;
    const TOTAL = 120;
    const recording = stores.map(async (store, s) => {
      for (let n = 0; n < TOTAL / 3; n++) {
        // Keys of its own: messages of one key come from one process at a time.
        await store.commit(commitOf({ messages: [messageOf(`k${s}${n % 2}-${String(n).padStart(3, '0')}`, `trip:${s}${n % 2}`)] }));
        recorded++;
      }
    });
    const sending = stores.map(async (store, s) => {
      const me = worker(store.outbox, `holder-${s}`);
      let settled: ReturnType<typeof settledOf>[] = [];
      let isOver = false;
      while (!isOver) {
        const isLast = recorded === TOTAL;
        const { claims } = await me.exchange({ settled, limit: 3 });
        sent.push(...claims.map(({ message }) => message.id));
        settled = claims.map(({ message }) => settledOf('a', message));
        isOver = isLast && claims.length === 0 && sent.length >= TOTAL;
      }
    });
    await Promise.all([...recording, ...sending]);
    expect(sent).toHaveLength(TOTAL);
    for (const key of ['00', '01', '10', '11', '20', '21']) {
      const ofKey = sent.filter((id) => id.startsWith(`k${key}-`));
      expect(ofKey).toHaveLength(TOTAL / 6);
      expect(ofKey).toEqual([...ofKey].sort());
    }
    expect(await stores[0]?.outbox.counts()).toEqual({ pending: 0, dead: 0 });
    expect(await rowsOf(at, 'SELECT * FROM lane')).toEqual([]);
  });
});

it('what is no character in PostgreSQL is kept as U+FFFD: no commit fails for it [P6, S10]', async () => {
  const at = place();
  const store = await open(at);
  const command = { kind: 'profile', driverId: 'd', receivedAt: T0, reply: 0, profile: { name: 'x\ud83d' } } as const;
  await store.commit(
    commitOf({
      trips: [sampleTrip('t', { labels: ['a\0b', '\\u0000'] })],
      setAside: [{ partition: 1, position: 1, command, error: 'half a \ude00', at: T0 }],
    }),
  );
  expect(await store.trip('t')).toEqual(sampleTrip('t', { labels: ['a\ufffdb', '\\u0000'] }));
  expect(await rowsOf(at, `SELECT error, command -> 'profile' ->> 'name' AS name FROM set_aside`)).toEqual([
    { error: 'half a \ufffd', name: 'x\ufffd' },
  ]);
});

it('history and lists may come from a replica of their own', async () => {
  const at = place();
  const other = place();
  const store = await open(at);
  await store.commit(commitOf({ rows: [row(1, 1)] }));
  await (await open(other)).commit(commitOf({ rows: [row(1, 1), row(2, 2)] }));
  const reading = await openPostgresStore({ url: await at.url(), readUrl: await other.url(), process: 99, living: async () => [1, 99] });
  opened.push(reading);
  expect(await history(reading, 'd', 10)).toHaveLength(2);
  expect(await reading.locationsBefore('d', T0 + 60_000, 10, 0)).toHaveLength(1);
});
