import { describe, expect, it } from 'vitest';
import { FixReceipt } from '../../packages/protocol/src/index.ts';
import { clusterForTest } from '../support/cluster-for-test.ts';
import { dial } from '../support/peer.ts';
import { CENTRE } from '../support/places.ts';
import { caller } from '../support/rest.ts';
import { until } from '../support/until.ts';

const ENV = { LOCATION_UPDATE_RATE_LIMIT: '0', REST_RATE_LIMIT_PER_MINUTE: '1000000' };

describe('processes that come and go', () => {
  it('share evenly: 32 and 32, then 22, 21 and 21, then 32 and 32; what is stored is read on all [P3 P4]', async () => {
    const { cluster: own, a, b } = await clusterForTest({ env: ENV });
    const rest = caller(a, await a.token('admin'));
    const driver = await own.driverOf(a, 'stays');
    (await rest.post(`/v1/drivers/${driver}/locations`, CENTRE)).as(FixReceipt);
    let from = performance.now();
    const c = await own.join();
    await own.settled();
    const joined = performance.now() - from;
    expect([...(await own.shares()).values()].sort()).toEqual([21, 21, 22]);
    from = performance.now();
    expect(await a.stop()).toEqual({ code: 0 });
    await own.settled();
    const left = performance.now() - from;
    expect([...(await own.shares()).values()].sort()).toEqual([0, 32, 32]);
    for (const server of [b, c]) {
      const one = caller(server, await server.token('admin'));
      expect((await one.post(`/v1/drivers/${driver}/locations`, CENTRE)).as(FixReceipt)).toMatchObject({ stored: 1 });
    }
    const rows = await own.query<{ n: string }>('SELECT count(*) AS n FROM location_history');
    expect(Number(rows[0]?.n)).toBe(3);
    from = performance.now();
    await b.kill();
    await own.settled();
    console.log(
      `shares: a third process joined in ${Math.round(joined)} ms, one left in ${Math.round(left)} ms, one was killed and its share taken over in ${Math.round(performance.now() - from)} ms`,
    );
    expect([...(await own.shares()).values()].sort()).toEqual([0, 0, 64]);
  });

  it('a watcher on a process that stays sees a driver go on whose owner was killed, in a new epoch [P4 P7 O1]', async () => {
    const { cluster: own, a, b } = await clusterForTest({ env: ENV });
    const driver = await own.driverOf(a, 'orphan');
    const watcher = await dial(b, { token: await b.token('admin') });
    await watcher.ask({ type: 'subscribe', feed: `driver:${driver}` });
    const rest = caller(b, await b.token('admin'));
    const send = async (lat: number) => (await rest.post(`/v1/drivers/${driver}/locations`, { lat, lng: 13 })).status;
    expect(await send(50)).toBe(200);
    const { epoch } = await watcher.next('location');
    const killed = performance.now();
    await a.kill();
    // Refused, or stored by whoever owns it then; never lost and answered as stored.
    await until(
      () => send(50.001),
      (status) => status === 200,
    );
    const moved = ({ lat }: { lat: number }) => lat === 50.001;
    await until(
      () => watcher.all('location').some(moved) || watcher.all('snapshot').some(({ location }) => location !== null && moved(location)),
      (seen) => seen,
    );
    console.log(`takeover after kill -9: ${Math.round(performance.now() - killed)} ms until the watcher saw the driver move again`);
    expect(new Set(watcher.messages.flatMap((one) => ('epoch' in one ? [one.epoch] : []))).size).toBeGreaterThan(1);
    expect(watcher.messages.findLast((one) => 'epoch' in one)).not.toMatchObject({ epoch });
    await watcher.close();
  });
});
