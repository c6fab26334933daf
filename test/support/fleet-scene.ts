import { TripView } from '../../packages/protocol/src/index.ts';
import { connect, type FleetClient, type FleetDial } from './fleet-client.ts';
import { north, ride } from './places.ts';
import { type Caller, caller } from './rest.ts';
import type { TestServer } from './server.ts';
import { until } from './until.ts';

type Dial = Omit<FleetDial, 'token'>;

/** People around one server: drivers and riders on Socket.IO, staff over REST. */
export interface FleetScene {
  readonly staff: Caller;
  driver(id: string, dial?: Dial): Promise<FleetClient>;
  rider(id: string, dial?: Dial): Promise<FleetClient>;
  /** A ride of this driver for these riders, from the centre to 5 km north; the driver has it when this resolves. */
  trip(driverId: string, ...parties: string[]): Promise<string>;
  move(tripId: string, status: string): Promise<TripView>;
}

export async function fleetScene(server: TestServer): Promise<FleetScene> {
  const staff = caller(server, await server.token('dispatcher', 'dora'));
  const driven = (id: string) => async () => (await staff.get(`/v1/drivers/${id}`)).json() as { trips?: string[] };
  return {
    staff,
    driver: async (id, dial) => connect(server.url, await server.token('driver', id), dial),
    rider: async (id, dial) => connect(server.url, await server.token('passenger', id), dial),
    trip: async (driverId, ...parties) => {
      const { stops } = ride({});
      const all = parties.flatMap((partyId) => stops.map((stop) => ({ ...stop, id: `${stop.id}-${partyId}`, partyId })));
      const { id } = (await staff.post('/v1/trips', ride({ driverId, stops: all }))).as(TripView, 201);
      await until(driven(driverId), ({ trips }) => trips?.includes(id) === true);
      return id;
    },
    move: async (tripId, status) => (await staff.post(`/v1/trips/${tripId}/status`, { status })).as(TripView),
  };
}

/** A position so many metres north of the centre, in the words of the fleet clients. */
export function place(metres: number, more: object = {}) {
  const { lat, lng } = north(metres);
  return { latitude: lat, longitude: lng, ...more };
}
