import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { PAST, unique } from './support/places.ts';
import { createRide, dialRide, fixAt } from './support/rideshare.ts';
import { startServer, type TestServer } from './support/server.ts';
import { until } from './support/until.ts';

let server: TestServer;

beforeAll(async () => {
  server = await startServer({ env: { LOCATION_UPDATE_RATE_LIMIT: '0' } });
});

afterAll(() => server.stop());

const names = () => ({ ride: unique('ride'), dana: unique('dana'), pia: unique('pia'), paul: unique('paul') });

describe('geofences', () => {
  it('tell each passenger of its own stops, each once, in the order of the contract [R10]', async () => {
    const { ride, dana, pia, paul } = names();
    await createRide(server, ride, dana, [
      { id: 'b1', passenger: pia, pickup: 0, dropoff: 3_000 },
      { id: 'b2', passenger: paul, pickup: 1_500, dropoff: 5_000 },
    ]);
    const [first, second] = [await dialRide(server, ride, 'passenger', pia), await dialRide(server, ride, 'passenger', paul)];
    const driver = await dialRide(server, ride, 'driver', dana);
    let at = PAST;
    const drive = async (...metres: number[]) => {
      for (const metre of metres) {
        at += 30_000;
        driver.send(fixAt(metre, { timestamp: at }));
      }
      const sent = (at - PAST) / 30_000;
      await until(
        () => [first, second].map((peer) => peer.all('location_update').length),
        (seen) => seen.every((count) => count === sent),
      );
    };
    const told = (peer: typeof first) => peer.all('geofence_event').map(({ event_type }) => event_type);

    await drive(-600);
    expect(told(first), '600 m: nothing').toEqual([]);
    await drive(-500, -450, -400);
    expect(told(first), '500 m is near, once').toEqual(['approaching_pickup']);
    await drive(-100, -90, 0);
    expect(told(first), '100 m is there, once').toEqual(['approaching_pickup', 'arrived_pickup']);
    expect(told(second)).toEqual([]);
    await drive(1_450);
    expect(told(second), 'straight inside 100 m there is no approach').toEqual(['arrived_pickup']);
    await drive(2_600, 2_950, 3_000, 4_600, 5_000);
    expect(told(first)).toEqual(['approaching_pickup', 'arrived_pickup', 'approaching_destination', 'arrived_destination']);
    expect(told(second)).toEqual(['arrived_pickup', 'approaching_destination', 'arrived_destination']);
    expect(first.all('geofence_event').map(({ location_type }) => location_type)).toEqual([
      'pickup',
      'pickup',
      'destination',
      'destination',
    ]);
    expect(first.all('geofence_event')[0]).toMatchObject({ ride_id: ride, distance_meters: 500 });

    const again = await dialRide(server, ride, 'passenger', pia);
    await drive(5_001);
    await again.next('location_update');
    expect(told(again), 'who comes later hears nothing twice').toEqual([]);
  });

  it('at one place tell pickup and destination by the same fix [R10]', async () => {
    const { ride, dana, pia } = names();
    await createRide(server, ride, dana, [{ id: 'b', passenger: pia, pickup: 0, dropoff: 50 }]);
    const passenger = await dialRide(server, ride, 'passenger', pia);
    const driver = await dialRide(server, ride, 'driver', dana);
    driver.send(fixAt(10));
    await passenger.next('location_update');
    expect(passenger.all('geofence_event').map(({ event_type }) => event_type)).toEqual(['arrived_pickup', 'arrived_destination']);
  });

  it('of a destination wait for the pickup of its own booking [R10]', async () => {
    const { ride, dana, pia } = names();
    await createRide(server, ride, dana, [{ id: 'b', passenger: pia, pickup: 5_000, dropoff: 0 }]);
    const passenger = await dialRide(server, ride, 'passenger', pia);
    const driver = await dialRide(server, ride, 'driver', dana);
    driver.send(fixAt(0, { timestamp: PAST }));
    driver.send(fixAt(5_000, { timestamp: PAST + 600_000 }));
    driver.send(fixAt(10, { timestamp: PAST + 1_200_000 }));
    await until(
      () => passenger.all('location_update').length,
      (seen) => seen === 3,
    );
    expect(passenger.all('geofence_event').map(({ event_type }) => event_type)).toEqual(['arrived_pickup', 'arrived_destination']);
  });
});
