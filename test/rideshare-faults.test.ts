import { describe, expect, it } from 'vitest';
import { RideHistory } from '../packages/server/src/dialects/rideshare/messages.ts';
import { unique } from './support/places.ts';
import { stablePort } from './support/port.ts';
import { caller } from './support/rest.ts';
import { createRide, dialRide, fixAt, oldToken, type RidePeer } from './support/rideshare.ts';
import { type ServerOptions, type TestServer, tempDir } from './support/server.ts';
import { serverForTest } from './support/server-for-test.ts';
import { until } from './support/until.ts';

const ENV = { REST_RATE_LIMIT_PER_MINUTE: '1000000', LOCATION_UPDATE_RATE_LIMIT: '0' };
const names = () => ({ ride: unique('ride'), dan: unique('dan'), pia: unique('pia') });
const timesOf = (peer: RidePeer) => peer.all('location_update').map(({ timestamp }) => Date.parse(timestamp as string));
const eventsOf = (peer: RidePeer) => peer.all('geofence_event').map(({ event_type }) => event_type);

/** Sends a fix at each beat, no two of the same moment; answers after the last. */
async function drive(driver: RidePeer, count: number, everyMs: number, metres: (step: number) => number): Promise<void> {
  const start = performance.now();
  let last = 0;
  for (let step = 0; step < count; step++) {
    await until(
      () => performance.now() - start,
      (passed) => passed >= step * everyMs,
    );
    last = Math.max(last + 1, Date.now());
    driver.send(fixAt(metres(step), { timestamp: last }));
  }
}

describe('10 rides of 10 passengers', () => {
  it('hear every fix, in order, in much less than 500 ms [R8]', async () => {
    const server = await serverForTest({ env: ENV });
    const RIDES = 10;
    const FIXES = 60;
    const rides = await Promise.all(
      Array.from({ length: RIDES }, async () => {
        const { ride, dan } = names();
        const people = Array.from({ length: 10 }, () => unique('pia'));
        await createRide(
          server,
          ride,
          dan,
          people.map((passenger) => ({ id: `b-${passenger}`, passenger })),
        );
        const latencies: number[] = [];
        const passengers = await Promise.all(people.map((user) => dialRide(server, ride, 'passenger', user)));
        for (const { socket } of passengers)
          socket.on('message', (data) => {
            const message = JSON.parse(String(data)) as { type: string; timestamp: string };
            if (message.type === 'location_update') latencies.push(Date.now() - Date.parse(message.timestamp));
          });
        return { driver: await dialRide(server, ride, 'driver', dan), passengers, latencies };
      }),
    );
    await Promise.all(rides.map(({ driver }) => drive(driver, FIXES, 50, (step) => 700 + step)));
    for (const { passengers } of rides)
      for (const passenger of passengers) {
        const times = await until(
          () => timesOf(passenger),
          (seen) => seen.length === FIXES,
        );
        expect(times).toEqual(times.toSorted((a, b) => a - b));
      }
    const latencies = rides.flatMap((ride) => ride.latencies).sort((a, b) => a - b);
    expect(latencies).toHaveLength(RIDES * 10 * FIXES);
    const p99 = latencies[Math.floor(latencies.length * 0.99)] as number;
    console.log(`update to passenger: p50 ${latencies[latencies.length >> 1]} ms, p99 ${p99} ms`);
    expect(p99).toBeLessThan(500);
  }, 60_000);
});

/** A server on its own folder and port, so that another one can take its place. */
async function replaceable(): Promise<{ server: TestServer; again: () => Promise<TestServer> }> {
  const options: ServerOptions = { dataDir: tempDir(), port: await stablePort(), env: ENV };
  return { server: await serverForTest(options), again: () => serverForTest(options) };
}

describe('a server that is killed', () => {
  it('has in history what it broadcast more than 1 s before, and its successor repeats no event [R16 R10]', async () => {
    const { server, again } = await replaceable();
    const { ride, dan, pia } = names();
    await createRide(server, ride, dan, [{ id: 'b', passenger: pia }]);
    const passenger = await dialRide(server, ride, 'passenger', pia);
    const driver = await dialRide(server, ride, 'driver', dan);
    const heard: { at: number; time: number }[] = [];
    passenger.socket.on('message', (data) => {
      const message = JSON.parse(String(data)) as { type: string; timestamp: string };
      if (message.type === 'location_update') heard.push({ at: Date.parse(message.timestamp), time: Date.now() });
    });
    // Up to 300 m from the pickup: near, not there.
    await drive(driver, 40, 50, (step) => 495 - 5 * step);
    expect(eventsOf(passenger)).toEqual(['approaching_pickup']);
    const killedAt = Date.now();
    await server.kill();
    const promised = heard.filter(({ time }) => time < killedAt - 1_000);
    expect(promised.length).toBeGreaterThan(10);

    const next = await again();
    const history = (await caller(next, oldToken(pia)).get(`/api/v1/tracking/ride/${ride}/history`)).as(RideHistory);
    const kept = new Set(history.locations.map(({ timestamp }) => Date.parse(timestamp)));
    expect(promised.filter(({ at }) => !kept.has(at))).toEqual([]);
    expect(kept.size).toBe(history.count);

    const back = await dialRide(next, ride, 'passenger', pia);
    expect((await back.next('connected')).current_location).toMatchObject({ driver_id: dan, timestamp: history.locations[0]?.timestamp });
    const driving = await dialRide(next, ride, 'driver', dan);
    for (const metres of [310, 290, 90, 20]) driving.send(fixAt(metres));
    await until(
      () => timesOf(back).length,
      (count) => count === 4,
    );
    expect(eventsOf(back), 'near was told before').toEqual(['arrived_pickup']);
  });
});

describe('a server that is stopped', () => {
  it('says when to come back, 1012, and its successor goes on with the ride [R3 R10]', async () => {
    const { server, again } = await replaceable();
    const { ride, dan, pia } = names();
    await createRide(server, ride, dan, [{ id: 'b', passenger: pia }]);
    const passenger = await dialRide(server, ride, 'passenger', pia);
    const driver = await dialRide(server, ride, 'driver', dan);
    driver.send(fixAt(400));
    await passenger.next('location_update');
    await server.stop();
    for (const peer of [passenger, driver]) {
      expect((await peer.closed()).code).toBe(1012);
      expect(peer.all('error')).toMatchObject([{ code: 'draining', retryAfter: expect.any(Number) }]);
    }
    const next = await again();
    const back = await dialRide(next, ride, 'passenger', pia);
    expect(await back.next('connected')).toMatchObject({ current_location: { driver_id: dan } });
    const driving = await dialRide(next, ride, 'driver', dan);
    driving.send(fixAt(390));
    driving.send(fixAt(50));
    expect(await back.next('geofence_event')).toMatchObject({ event_type: 'arrived_pickup' });
  });
});

describe('a passenger', () => {
  it('that takes nothing for a while gets every event and the newest position then, and holds up nobody [R8 O7]', async () => {
    const server = await serverForTest({ env: ENV });
    const { ride, dan, pia } = names();
    await createRide(server, ride, dan, [{ id: 'b', passenger: pia }]);
    const [slow, other] = [await dialRide(server, ride, 'passenger', pia), await dialRide(server, ride, 'passenger', pia)];
    const driver = await dialRide(server, ride, 'driver', dan);
    await slow.next('driver_status');
    slow.socket.pause();
    let time = Date.now() - 3_600_000;
    const go = (metres: number) => driver.send(fixAt(metres, { timestamp: ++time }));
    // More than any kernel holds for a socket that is not read.
    const MANY = 50_000;
    for (let sent = 0; sent < MANY; sent++) {
      go(700 + (sent % 10));
      if (sent % 1_000 === 999) await driver.roundTrip();
    }
    for (const metres of [400, 50, 40]) go(metres);
    await until(
      () => other.all('location_update').length,
      (count) => count === MANY + 3,
    );
    slow.socket.resume();
    await until(
      () => timesOf(slow).at(-1),
      (last) => last === time,
    );
    expect(timesOf(slow).length).toBeLessThan(MANY);
    expect(timesOf(slow)).toEqual(timesOf(slow).toSorted((a, b) => a - b));
    expect(eventsOf(slow)).toEqual(['approaching_pickup', 'arrived_pickup']);
  }, 60_000);

  it('that comes back after every cut hears each event once, and has lost no fix that history has not [R10 R16]', async () => {
    const server = await serverForTest({ env: ENV });
    const { ride, dan, pia } = names();
    await createRide(server, ride, dan, [{ id: 'b', passenger: pia, dropoff: 2_000 }]);
    const driver = await dialRide(server, ride, 'driver', dan);
    const peers: RidePeer[] = [];
    let sent = 0;
    for (const metres of [900, 480, 450, 90, 20, 1_000, 1_600, 1_700, 1_950, 2_000]) {
      const passenger = await dialRide(server, ride, 'passenger', pia);
      await passenger.next('connected');
      peers.push(passenger);
      driver.send(fixAt(metres, { timestamp: Date.now() - 3_600_000 + ++sent * 60_000 }));
      await passenger.next('location_update');
      passenger.socket.terminate();
    }
    expect(peers.flatMap(eventsOf)).toEqual(['approaching_pickup', 'arrived_pickup', 'approaching_destination', 'arrived_destination']);
    const history = await until(
      async () => (await caller(server, oldToken(pia)).get(`/api/v1/tracking/ride/${ride}/history`)).as(RideHistory),
      ({ count }) => count === sent,
    );
    expect(history.locations.map(({ timestamp }) => Date.parse(timestamp)).reverse()).toEqual(peers.flatMap(timesOf));
  });
});
