import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StreamClient } from '@waycast/client';
import { describe, expect, it } from 'vitest';
import { check } from '../../oracle/checker.ts';
import { readJournals } from '../../oracle/journal.ts';
import { clusterForTest } from '../../support/cluster-for-test.ts';
import { CrashLoad } from '../../support/crash-load.ts';
import { historiesOf } from '../../support/history.ts';
import { atRest, tell, watchSome } from '../../support/load-checks.ts';
import { until } from '../../support/until.ts';

const ENV = { LOCATION_UPDATE_RATE_LIMIT: '0', REST_RATE_LIMIT_PER_MINUTE: '1000000' };

describe('a server that is stopped by SIGTERM under load', () => {
  it('loses nothing: clients go on at the other, behind nginx [P4 A1 A6]', { timeout: 90_000 }, async () => {
    const { cluster: own, a, b } = await clusterForTest({ env: ENV });
    const { entry } = own;
    const folder = mkdtempSync(join(tmpdir(), 'waycast-drain-'));
    const load = new CrashLoad(folder, entry, await entry.token('service'), 7);
    const looking = new StreamClient({ url: entry.url, token: await entry.token('dispatcher'), timing: { min: 10, max: 100 } });
    try {
      await load.prepare(entry);
      load.start();
      await until(
        () => load.acks,
        (acks) => acks > 200,
      );
      const watching = watchSome(load, looking);
      const before = load.acks;
      const from = performance.now();
      expect(await a.stop(), 'in good order').toEqual({ code: 0 });
      const took = performance.now() - from;
      await own.settled([b]);
      await until(
        () => load.acks,
        (acks) => acks > before + 400,
      );
      const { acks } = readJournals(load.journals);
      const history = await historiesOf(
        load.rest,
        load.drivers.map(({ id }) => id),
      );
      const { attempts } = readJournals(load.journals);
      expect(check({ attempts, acks, history, watched: [] }).map((violation) => tell('while it goes on', violation))).toEqual([]);
      await load.finish();
      const { wrong, fixes, events } = await atRest(load, watching, entry);
      console.log(`drain under load: ${fixes} fixes, ${events} events; ended in ${Math.round(took)} ms; ${wrong.length} wrong`);
      expect(wrong).toEqual([]);
    } finally {
      looking.close();
      load.close();
      rmSync(folder, { recursive: true, force: true });
    }
  });
});
