import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TripView } from '../packages/protocol/src/index.ts';
import { Progress } from '../packages/server/src/dialects/delivery/messages.ts';
import { callerAs, dialTracking, startSession, tokenOf, trackingId } from './support/delivery.ts';
import { inSeconds, jwt } from './support/jwt.ts';
import { dial } from './support/peer.ts';
import { CENTRE, delivery, north, unique } from './support/places.ts';
import { type Caller, caller } from './support/rest.ts';
import { startServer, type TestServer } from './support/server.ts';

let server: TestServer;
let boss: Caller;

beforeAll(async () => {
  server = await startServer({ env: { REST_RATE_LIMIT_PER_MINUTE: '1000000', LOCATION_UPDATE_RATE_LIMIT: '0' } });
  boss = callerAs(server, 'superadmin');
});

afterAll(() => server.stop());

/** Like a session that was started then, over the native API. */
async function sessionOf(at: number): Promise<{ id: string; riderId: string }> {
  const id = trackingId();
  const riderId = unique('rider');
  const trip = { ...delivery({ driverId: riderId }), id, orderId: unique('order'), at, expiresAt: at + 86_400_000 };
  (await boss.post('/v1/trips', trip)).as(TripView, 201);
  return { id, riderId };
}

describe('who comes in', () => {
  it('without a token is a public watcher: the session without its rider, then every change [Y12 Y13 Y14]', async () => {
    const { session, rider } = await startSession(server);
    const { rider_id: riderId, ...shown } = session;
    const watcher = await dialTracking(server, session.tracking_id);
    expect(await watcher.next('initial_state')).toEqual({ type: 'initial_state', data: shown });
    const progress = (await rider.post(`/tracking/update/${session.tracking_id}`, { ...north(1_000), status: 'PICKED_UP' })).as(Progress);
    await watcher.next('status_change');
    expect(watcher.messages.slice(1)).toEqual([
      { type: 'location_update', data: { ...progress, order_id: session.order_id } },
      { type: 'status_change', data: { tracking_id: session.tracking_id, status: 'PICKED_UP', updated_at: progress.updated_at } },
    ]);
    expect(JSON.stringify(watcher.messages)).not.toContain(riderId);
    await watcher.close();
  });

  it.each(['rider', 'merchant', 'customer', 'superadmin', 'nobody-known'])(
    'with a token, as %s, learns of the rider [Y13 Y14]',
    async (role) => {
      const { session, rider, riderId } = await startSession(server);
      const watcher = await dialTracking(server, session.tracking_id, tokenOf(role));
      expect(await watcher.next('initial_state')).toEqual({ type: 'initial_state', data: session });
      await rider.post(`/tracking/update/${session.tracking_id}`, north(1_000));
      expect((await watcher.next('location_update')).data).toMatchObject({ rider_id: riderId, tracking_id: session.tracking_id });
      await watcher.close();
    },
  );

  it('is let in first and then told why not: error, close 1008 with that reason [Y12]', async () => {
    const { session } = await startSession(server);
    const { id: old } = await sessionOf(Date.now() - 86_400_000);
    const good = tokenOf('customer');
    const refusals: [id: string, token: string | undefined, reason: string][] = [
      [trackingId(), undefined, 'Tracking session not found'],
      ['nonsense', good, 'Tracking session not found'],
      [old, undefined, 'Tracking session expired'],
      [old, good, 'Tracking session expired'],
      [session.tracking_id, 'undefined', 'Invalid token'],
      [session.tracking_id, jwt({ sub: 'x', role: 'rider' }, { secret: 'somebody-elses-secret' }), 'Invalid token'],
      [session.tracking_id, jwt({ sub: 'x', role: 'rider', exp: inSeconds(-60) }), 'Token expired'],
    ];
    for (const [id, token, reason] of refusals) {
      const peer = await dialTracking(server, id, token);
      expect(await peer.closed).toEqual({ code: 1008, reason });
      expect(peer.messages).toEqual([{ type: 'error', message: reason }]);
    }
  });

  it('an empty token is none [Y12]', async () => {
    const { session } = await startSession(server);
    const peer = await dialTracking(server, session.tracking_id, '');
    expect((await peer.next('initial_state')).data).not.toHaveProperty('rider_id');
    await peer.close();
  });
});

describe('the rider', () => {
  it('sends positions and statuses over the socket, in their order [Y15]', async () => {
    const { session, riderId } = await startSession(server);
    const watcher = await dialTracking(server, session.tracking_id);
    const rider = await dialTracking(server, session.tracking_id, tokenOf('rider', riderId));
    await rider.next('initial_state');
    await watcher.next('initial_state');
    rider.send({ type: 'location_update', location: { lat: north(2_500.1).lat, lng: CENTRE.lng } });
    expect((await watcher.next('location_update')).data).toMatchObject({ status: 'ASSIGNED', eta_seconds: 300 });
    for (const status of ['ASSIGNED', 'PICKED_UP', 'IN_TRANSIT', 'DELIVERED'])
      rider.send({ type: 'location_update', location: { ...north(2_000), status } });
    await watcher.next('status_change', ({ data }) => data.status === 'DELIVERED');
    expect(watcher.all('status_change').map(({ data }) => data.status)).toEqual(['PICKED_UP', 'IN_TRANSIT', 'DELIVERED']);
    expect(watcher.all('location_update').at(-1)?.data).toMatchObject({ status: 'DELIVERED', eta_seconds: null });
    expect(rider.all('error')).toEqual([]);
    await rider.close();
    await watcher.close();
  });

  it('hears why a status was refused, the position stays, and so does the connection [Y7 Y15]', async () => {
    const { session, riderId } = await startSession(server);
    const rider = await dialTracking(server, session.tracking_id, tokenOf('rider', riderId));
    rider.send({ type: 'location_update', location: { ...north(700), status: 'DELIVERED' } });
    const { data } = await rider.next('location_update');
    expect(data.current_location?.lat).toBeCloseTo(north(700).lat, 6);
    expect((await rider.next('error')).message).toMatch(/ASSIGNED.*DELIVERED/);
    rider.send({ type: 'ping' });
    await rider.next('pong');
    await rider.close();
  });

  it('hears that a position cannot be; it is not shown [Y15 F7]', async () => {
    const { session, riderId } = await startSession(server);
    const rider = await dialTracking(server, session.tracking_id, tokenOf('rider', riderId));
    rider.send({ type: 'location_update', location: CENTRE });
    await rider.next('location_update');
    rider.send({ type: 'location_update', location: { lat: -CENTRE.lat, lng: 0 } });
    expect((await rider.next('error')).message).toContain('cannot be');
    expect(rider.all('location_update')).toHaveLength(1);
    await rider.close();
  });

  it('is another one the moment the session is given away [Y3 Y15]', async () => {
    const { session, riderId } = await startSession(server);
    const next = unique('rider');
    const before = await dialTracking(server, session.tracking_id, tokenOf('rider', riderId));
    const after = await dialTracking(server, session.tracking_id, tokenOf('rider', next));
    await after.next('initial_state');
    after.send({ type: 'location_update', location: CENTRE });
    await after.next('error');
    (await boss.patch(`/v1/trips/${session.tracking_id}`, { driverId: next })).as(TripView);
    await after.next('location_update', ({ data }) => data.rider_id === next);
    before.send({ type: 'location_update', location: north(100) });
    await before.next('error');
    after.send({ type: 'location_update', location: north(200) });
    const { data } = await before.next('location_update', (one) => one.data.current_location !== null);
    expect(data.current_location?.lat).toBeCloseTo(north(200).lat, 6);
    await Promise.all([before.close(), after.close()]);
  });
});

describe('everybody else', () => {
  it.each([undefined, 'merchant', 'customer', 'rider', 'service', 'superadmin'])(
    'gets an error for a position, and stays, however often: as %s [Y15]',
    async (role) => {
      const { session } = await startSession(server);
      const peer = await dialTracking(server, session.tracking_id, role === undefined ? undefined : tokenOf(role, 'somebody'));
      await peer.next('initial_state');
      for (let i = 0; i < 60; i++) peer.send({ type: 'location_update', location: CENTRE });
      peer.send({ type: 'ping' });
      await peer.next('pong');
      expect(peer.all('error')).toHaveLength(60);
      expect(peer.all('location_update')).toEqual([]);
      await peer.close();
    },
  );
});

describe('a session that ends', () => {
  it('because its drop-off was taken away is not found any more; its rider goes on [Y2 Y12]', async () => {
    const { session, rider, riderId } = await startSession(server);
    const peer = await dialTracking(server, session.tracking_id);
    await peer.next('initial_state');
    (await boss.patch(`/v1/trips/${session.tracking_id}`, { stops: [] })).as(TripView);
    expect(await peer.closed).toEqual({ code: 1008, reason: 'Tracking session not found' });
    (await rider.post(`/tracking/update/${session.tracking_id}`, CENTRE)).problem('not_found');
    expect((await boss.post(`/v1/drivers/${riderId}/locations`, CENTRE)).status).toBe(200);
  });

  it('after a day says so to whoever is connected: error, close 1008 [Y8 Y12]', async () => {
    const { id } = await sessionOf(Date.now() - 86_400_000 + 4_000);
    const peer = await dialTracking(server, id);
    await peer.next('initial_state');
    expect(await peer.closed).toEqual({ code: 1008, reason: 'Tracking session expired' });
    expect(peer.messages.slice(1)).toEqual([{ type: 'error', message: 'Tracking session expired' }]);
  });

  it('an hour after DELIVERED does so, too [Y8 Y12]', async () => {
    const { id } = await sessionOf(Date.now() - 7_200_000);
    const at = Date.now() - 3_600_000 + 4_000;
    const peer = await dialTracking(server, id);
    for (const status of ['PICKED_UP', 'IN_TRANSIT', 'DELIVERED']) (await boss.post(`/v1/trips/${id}/status`, { status, at })).as(TripView);
    expect(await peer.closed).toEqual({ code: 1008, reason: 'Tracking session expired' });
    expect(peer.all('status_change').map(({ data }) => data.status)).toEqual(['PICKED_UP', 'IN_TRANSIT', 'DELIVERED']);
    expect(peer.messages.at(-1)).toEqual({ type: 'error', message: 'Tracking session expired' });
  });
});

it('a token that ends closes its socket: error, 1008 [Y12]', async () => {
  const { session } = await startSession(server);
  const peer = await dialTracking(server, session.tracking_id, jwt({ sub: 'c', role: 'customer', exp: inSeconds(2) }));
  await peer.next('initial_state');
  expect(await peer.closed).toEqual({ code: 1008, reason: 'Token expired' });
});

it('each session has sockets of its own [Y14]', async () => {
  const [a, b] = [await startSession(server), await startSession(server)];
  const watcher = await dialTracking(server, a.session.tracking_id);
  await watcher.next('initial_state');
  await b.rider.post(`/tracking/update/${b.session.tracking_id}`, CENTRE);
  await a.rider.post(`/tracking/update/${a.session.tracking_id}`, north(50));
  await watcher.next('location_update');
  expect(watcher.all('location_update').map(({ data }) => data.tracking_id)).toEqual([a.session.tracking_id]);
  await watcher.close();
});

it('the native stream and this contract see the same trip [Y14]', async () => {
  const { session, riderId } = await startSession(server);
  const watcher = await dialTracking(server, session.tracking_id);
  const native = await dial(server, { token: await server.token('dispatcher') });
  native.send({ type: 'subscribe', feed: `trip:${session.tracking_id}` });
  await native.next('snapshot');
  const driver = await dial(server, { token: await server.token('driver', riderId) });
  driver.send({ type: 'fix', ...north(900) });
  const [here, there] = await Promise.all([watcher.next('location_update'), native.next('location')]);
  expect(here.data.current_location).toMatchObject({ lat: there.lat, lng: there.lng });
  const rider = await dialTracking(server, session.tracking_id, tokenOf('rider', riderId));
  rider.send({ type: 'location_update', location: { ...north(800), status: 'PICKED_UP' } });
  await native.next('event', ({ event }) => event.kind === 'status' && event.status === 'PICKED_UP');
  await Promise.all([watcher, native, driver, rider].map((peer) => peer.close()));
});

it('a native watcher who comes to a session that is watched already can come back to where it was [O2]', async () => {
  const { session, rider } = await startSession(server);
  const feed = `trip:${session.tracking_id}`;
  await rider.post(`/tracking/update/${session.tracking_id}`, north(2_000));
  const here = await dialTracking(server, session.tracking_id);
  const native = await dial(server, { token: await server.token('dispatcher') });
  native.send({ type: 'subscribe', feed });
  const { epoch, seq } = await native.next('snapshot');
  await native.close();
  await rider.post(`/tracking/update/${session.tracking_id}`, north(2_010));
  const back = await dial(server, { token: await server.token('dispatcher') });
  back.send({ type: 'subscribe', feed, since: { epoch, seq } });
  expect(await back.next('subscribed')).toMatchObject({ resumed: true });
  expect(await back.next('location')).toMatchObject({ seq: seq + 1 });
  await Promise.all([here.close(), back.close()]);
});

it('what was watched goes on after a restart, with the last position [Y10]', async () => {
  const first = await startServer({ env: { LOCATION_UPDATE_RATE_LIMIT: '0' } });
  const { session, riderId } = await startSession(first);
  await callerAs(first, 'rider', riderId).post(`/tracking/update/${session.tracking_id}`, { ...north(300), status: 'PICKED_UP' });
  const watcher = await dialTracking(first, session.tracking_id);
  const before = await watcher.next('initial_state');
  await first.kill();
  const again = await startServer({ dataDir: first.dataDir, env: { LOCATION_UPDATE_RATE_LIMIT: '0' } });
  const back = await dialTracking(again, session.tracking_id);
  expect(await back.next('initial_state')).toEqual(before);
  await again.stop();
  expect((await back.closed).code).toBe(1012);
  expect(back.messages.at(-1)).toMatchObject({ type: 'error' });
});

it('with the contract turned off its paths are not there [Y16]', async () => {
  const without = await startServer({ env: { DIALECTS: 'rideshare,fleet' } });
  (await caller(without).get(`/tracking/${trackingId()}`)).problem('not_found');
  await expect(dialTracking(without, trackingId())).rejects.toThrow('404');
  await without.stop();
});
