import { expect, it } from 'vitest';
import { partitionOf } from '../../../packages/server/src/hub/partition.ts';
import { startCluster } from '../../support/cluster.ts';
import { CENTRE } from '../../support/places.ts';
import { RawStream } from '../../support/raw-stream.ts';
import { until } from '../../support/until.ts';

const DEADLY = 9;
const COUNT = 20;
const TRIES = 5;
const HANGING = `WHERE wait_event = 'PgSleep' AND datname = current_database()`;
const from = Date.now() - 3_600_000;

const fix = (seq: number) => ({ seq, lat: CENTRE.lat + seq / 1e4, lng: CENTRE.lng, timestamp: from + seq * 1_000 });

/** The server that stores it hangs at it, and is killed: to its process the command is one that takes it down. */
it('a command whose owners die of it is set aside after 5 tries, and what came after it is stored [P6, P4]', {
  timeout: 180_000,
}, async () => {
  const cluster = await startCluster({ env: { LOCATION_UPDATE_RATE_LIMIT: '0' } });
  try {
    await cluster.settled();
    await cluster.query(`CREATE FUNCTION hang() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(20); RETURN NEW; END'`);
    const lat = Math.round(fix(DEADLY).lat * 1e7);
    await cluster.query(
      `CREATE TRIGGER deadly BEFORE INSERT ON location_history FOR EACH ROW WHEN (NEW.lat = ${lat}) EXECUTE FUNCTION hang()`,
    );
    const driver = 'deadly';
    const token = await cluster.entry.token('driver', driver);
    const all = Array.from({ length: COUNT }, (_, i) => fix(i + 1));
    const first = await RawStream.connect(cluster.entry.url, token);
    await first.open('run');
    for (const one of all) first.send({ type: 'fix', ...one });
    const look = async (): Promise<'hangs' | 'aside' | 'waits'> => {
      if ((await cluster.query('SELECT 1 FROM set_aside')).length > 0) return 'aside';
      const hanging = await cluster.query(`SELECT 1 FROM pg_stat_activity ${HANGING}`);
      return hanging.length > 0 ? 'hangs' : 'waits';
    };
    let deaths = 0;
    // What stands before it is stored bit by bit, and each time some die until care is taken: only of the tries it is known how many there are.
    const tries = new Set<number>();
    for (;;) {
      const seen = await until(look, (now) => now !== 'waits', 30_000);
      if (seen === 'aside') break;
      deaths++;
      const [noted] = await cluster.query<{ tries: number }>(
        'SELECT tries FROM partition_cursor WHERE partition = $1 AND trying IS NOT NULL',
        [partitionOf(driver)],
      );
      if (noted !== undefined) tries.add(noted.tries);
      expect(Math.max(0, ...tries)).toBeLessThanOrEqual(TRIES);
      const victim = await cluster.ownerOf(driver);
      await victim.kill();
      // Its last statement would outlive it.
      await cluster.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity ${HANGING}`);
      await cluster.join();
    }
    const again = await RawStream.connect(cluster.entry.url, token);
    await again.open('run');
    for (const one of all) again.send({ type: 'fix', ...one });
    await again.first('ack', ({ stored }) => stored === COUNT);
    const rows = await cluster.query<{ seq: string }>('SELECT seq FROM location_history ORDER BY seq');
    expect(rows.map(({ seq }) => Number(seq))).toEqual(all.map(({ seq }) => seq).filter((seq) => seq !== DEADLY));
    const aside = await cluster.query<{ command: object }>('SELECT command FROM set_aside');
    expect(aside).toMatchObject([{ command: { driverId: driver, fixes: [{ seq: DEADLY }] } }]);
    expect(tries).toEqual(new Set([1, 2, 3, 4, 5]));
    expect(deaths).toBeGreaterThanOrEqual(TRIES);
    console.log(`a deadly command was set aside after ${deaths} owners had died of it`);
    first.cut();
    again.cut();
  } finally {
    await cluster.stop();
  }
});
