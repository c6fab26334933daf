import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RestClient, StreamClient } from '@waycast/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { CrashLoad } from './support/crash-load.ts';
import { atRest, watchSome } from './support/load-checks.ts';
import { stablePort } from './support/port.ts';
import { type BadNetwork, startProxy } from './support/proxy.ts';
import { RawStream } from './support/raw-stream.ts';
import { runCli } from './support/run-cli.ts';
import { startServer, type TestServer } from './support/server.ts';
import { serverForTest } from './support/server-for-test.ts';
import { until } from './support/until.ts';

const ENV = { LOCATION_UPDATE_RATE_LIMIT: '0', REST_RATE_LIMIT_PER_MINUTE: '1000000' };
const IMPATIENT = { min: 10, max: 100, ping: 1_000, silence: 3_000 };
const SEED = Date.now() % 1_000_000;

interface Scene {
  server: TestServer;
  readonly load: CrashLoad;
  readonly looking: StreamClient;
  readonly own: ReturnType<typeof watchSome>;
  readonly restart: () => Promise<void>;
  readonly close: () => Promise<void>;
}

/** A server under the load of the crash rounds, with watchers; `through` a proxy, when given. */
async function underLoad(through?: (server: TestServer) => Promise<BadNetwork>): Promise<Scene> {
  const folder = mkdtempSync(join(tmpdir(), 'waycast-fault-'));
  const start = { dataDir: join(folder, 'data'), port: await stablePort(), env: ENV };
  const server = await serverForTest(start);
  const url = through === undefined ? server.url : (await through(server)).url;
  const load = new CrashLoad(folder, { ...server, url }, await server.token('service'), SEED);
  const looking = new StreamClient({ url, token: await server.token('dispatcher'), timing: IMPATIENT });
  await load.prepare({ ...server, url });
  load.start();
  await until(
    () => load.acks,
    (acks) => acks > 200,
  );
  const scene: Scene = {
    server,
    load,
    looking,
    own: watchSome(load, looking),
    restart: async () => {
      scene.server = await serverForTest(start);
    },
    close: async () => {
      looking.close();
      load.close();
      await scene.server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
  return scene;
}

/** The load comes to rest, and everything holds: I1, I2, I3, events once, against the truth of the roads. */
async function expectAllHolds({ load, own, server }: Scene): Promise<void> {
  await load.finish();
  const { wrong, events } = await atRest(load, own, server);
  expect(wrong, `seed ${SEED}`).toEqual([]);
  expect(events).toBeGreaterThan(0);
}

/** More answers that something is stored than there are now. */
async function moreAcks(load: CrashLoad, more: number): Promise<void> {
  const before = load.acks;
  await until(
    () => load.acks,
    (acks) => acks >= before + more,
  );
}

/** Lets a fault last: the time is the fault itself, nothing is waited for. */
async function lasting(ms: number): Promise<void> {
  const end = performance.now() + ms;
  await until(
    () => performance.now(),
    (now) => now >= end,
    ms + 10_000,
  );
}

/** Begun first, asked last: a server takes 45 s to call a silent line dead. `gone`: ms until it did. */
let halfOpen: { server: TestServer; proxy: BadNetwork; gone: Promise<number> };

beforeAll(async () => {
  const server = await startServer();
  const proxy = await startProxy(server.port);
  await RawStream.connect(proxy.url, await server.token('dispatcher'));
  proxy.freeze();
  const since = performance.now();
  const rest = new RestClient({ url: server.url });
  const gone = until(
    () => rest.health(),
    ({ connections }) => connections === 0,
    60_000,
  ).then(() => performance.now() - since);
  // Whoever asks for it hears of a failure; until then it is nobody's.
  gone.catch(() => undefined);
  halfOpen = { server, proxy, gone };
});

afterAll(async () => {
  await halfOpen.proxy.close();
  await halfOpen.server.stop();
});

describe('two owners', () => {
  it('a second process on the folder ends, naming the first, which goes on [A8]', async () => {
    const server = await serverForTest();
    const args = ['serve', '--port', '0', '--data-dir', server.dataDir];
    const second = await runCli(args, { JWT_SECRET_KEY: 'another-secret-altogether' });
    expect(second.code).toBe(1);
    expect(second.err).toContain(`in use by process ${server.pid} `);
    expect(second.err).not.toContain('    at ');
    const rest = new RestClient({ url: server.url, token: await server.token('service') });
    expect(await rest.sendFixes('d', [{ lat: 1, lng: 2 }])).toMatchObject({ stored: 1 });
    expect(await server.stop()).toEqual({ code: 0 });
  });
});

describe('stall', () => {
  it('SIGSTOP for 5 s under load, then on: nothing is lost, watchers end on the truth [A1, F8, O3]', async () => {
    const scene = await underLoad();
    process.kill(scene.server.pid, 'SIGSTOP');
    await lasting(5_000);
    process.kill(scene.server.pid, 'SIGCONT');
    await moreAcks(scene.load, 100);
    await expectAllHolds(scene);
    await scene.close();
  });
});

describe('drain', () => {
  it('SIGTERM under load: leaves in time, tells everybody to come back, what is acknowledged is stored [A1, A6]', async () => {
    const scene = await underLoad();
    const sockets = await Promise.all(
      Array.from({ length: 20 }, async (_, i) => RawStream.connect(scene.server.url, await scene.server.token('dispatcher', `d-${i}`))),
    );
    for (const socket of sockets) socket.send({ type: 'subscribe', feed: 'driver:live-0' });
    await Promise.all(sockets.map((socket) => socket.first('location')));
    const begun = performance.now();
    const { code } = await scene.server.stop();
    const took = performance.now() - begun;
    console.log(`drain under load: ${Math.round(took)} ms`);
    expect(code).toBe(0);
    expect(took).toBeLessThan(10_000);
    await until(
      () => sockets.filter(({ closed }) => closed === undefined).length,
      (open) => open === 0,
    );
    for (const socket of sockets) {
      expect(socket.closed).toEqual({ code: 1012, reason: 'draining' });
      const [told] = socket.all('error');
      expect(told).toMatchObject({ code: 'draining', retryAfter: expect.toSatisfy((s: number) => s > 0 && s <= 5) });
    }
    // Not all at the same moment.
    expect(new Set(sockets.map((socket) => socket.all('error')[0]?.retryAfter)).size).toBeGreaterThan(3);
    await scene.restart();
    await moreAcks(scene.load, 50);
    await expectAllHolds(scene);
    await scene.close();
  });
});

describe('network', () => {
  it('lost answers, cut lines and a frozen line: resent, stored once, and the client notices [A2, A4, F9, O3]', async () => {
    let proxy: BadNetwork | undefined;
    const scene = await underLoad(async (server) => {
      proxy = await startProxy(server.port);
      return proxy;
    });
    if (proxy === undefined) throw new Error('no proxy');
    const { load, looking } = scene;
    for (let time = 0; time < 3; time++) {
      // The server takes and stores, and nobody hears of it.
      proxy.dropReplies();
      const published = load.drivers[0]?.published ?? 0;
      await until(
        () => load.drivers[0]?.published ?? 0,
        (now) => now > published + 30,
      );
      proxy.cut();
      proxy.heal();
      await moreAcks(load, 60);
    }
    const before = proxy.accepted;
    const frozenAt = performance.now();
    const gaveUp = new Promise<number>((resolve) => {
      looking.onState((state) => {
        if (state.status === 'waiting' && state.code === 'timeout') resolve(performance.now());
      });
    });
    proxy.freeze();
    const noticed = (await gaveUp) - frozenAt;
    expect(noticed).toBeLessThan(IMPATIENT.silence + IMPATIENT.ping + 1_000);
    console.log(`a frozen line was noticed after ${Math.round(noticed)} ms, with ${IMPATIENT.silence} ms of silence allowed`);
    proxy.cut();
    proxy.heal();
    await moreAcks(load, 60);
    expect(proxy.accepted).toBeGreaterThan(before);
    await expectAllHolds(scene);
    await scene.close();
    await proxy.close();
  });

  it('a half-open line is given up by the server within 45 s [L7]', async () => {
    const after = (await halfOpen.gone) / 1_000;
    console.log(`a half-open line was given up by the server after ${after.toFixed(1)} s`);
    // Looked at once a second.
    expect(after).toBeLessThan(47);
  });
});
