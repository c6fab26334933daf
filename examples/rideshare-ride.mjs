// A ride as its driver's app sends it and its passenger's app sees it: the sockets of the ride-share contract.
//
//   WAYCAST_URL=http://localhost:8080 STAFF_TOKEN=... DRIVER_TOKEN=... PASSENGER_TOKEN=... node examples/rideshare-ride.mjs
//
// STAFF_TOKEN creates the ride: `npm start --silent -- token --role dispatcher` prints one. The other two are tokens of
// the old service: HS256 by the server's secret, with `user_id` and `email`; docs/RIDESHARE.md shows how to make some.
// Only what every browser has as well: fetch and WebSocket.

const base = process.env.WAYCAST_URL ?? 'http://localhost:8080';
const [staff, driverToken, passengerToken] = ['STAFF_TOKEN', 'DRIVER_TOKEN', 'PASSENGER_TOKEN'].map((name) => {
  const token = process.env[name];
  if (token === undefined) throw new Error(`${name} is missing`);
  return token;
});
const everyMs = Number(process.env.EVERY_MS ?? 1_000);
const ride = process.env.RIDE ?? `ride-${Date.now()}`;

const pickup = { lat: 37.3352, lng: -121.8811 };
const dropoff = { lat: 37.3382, lng: -121.8811 };

const userOf = (token) => JSON.parse(atob(token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/'))).user_id;
const booking = { bookingId: 'booking-1', partyId: userOf(passengerToken), bookingStatus: 'approved' };

async function call(method, path, token, body) {
  const answer = await fetch(base + path, {
    method,
    headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json' }) },
    body: body && JSON.stringify(body),
  });
  const said = await answer.json();
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${said.detail}`);
  return said;
}

await call('POST', '/v1/trips', staff, {
  id: ride,
  kind: 'ride',
  driverId: userOf(driverToken),
  driverName: 'Car 7',
  stops: [
    { type: 'pickup', ...pickup, ...booking },
    { type: 'dropoff', ...dropoff, ...booking },
  ],
});

/** Opens one of the ride's sockets; `hear` gets every message. */
function open(side, token, hear) {
  const socket = new WebSocket(`${base.replace('http', 'ws')}/api/v1/tracking/ride/${ride}/${side}?token=${token}`);
  return new Promise((resolve, reject) => {
    socket.onerror = () => reject(new Error(`the ${side} was refused`));
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.type === 'connected') resolve(socket);
      hear(message);
    };
  });
}

let arrived;
const atDestination = new Promise((resolve) => {
  arrived = resolve;
});
const passenger = await open('passenger', passengerToken, (message) => {
  switch (message.type) {
    case 'connected':
      console.log(`passenger: ${message.message}`);
      break;
    case 'driver_status':
      console.log(`passenger: the driver is ${message.driver_connected ? 'connected' : 'away'}`);
      break;
    case 'location_update':
      console.log(`passenger: ${message.distance_remaining_km} km and ${message.eta_seconds} s to go`);
      break;
    case 'geofence_event':
      console.log(`passenger: ${message.event_type}`);
      if (message.event_type === 'arrived_destination') arrived();
      break;
  }
});
const driver = await open('driver', driverToken, (message) => {
  if (message.type === 'connected') console.log(`driver: ${message.message}, ${message.passengers_connected} watching`);
  if (message.type === 'error') console.log(`driver: ${message.code}: ${message.message}`);
});

// From 700 m south of the pickup to the destination.
for (let lat = pickup.lat - 0.0063; lat <= dropoff.lat + 1e-9; lat += 0.00155) {
  driver.send(JSON.stringify({ lat, lng: pickup.lng, speed: 40, bearing: 0, accuracy: 8, timestamp: new Date().toISOString() }));
  await new Promise((resolve) => setTimeout(resolve, everyMs));
}
await atDestination;

const history = await call('GET', `/api/v1/tracking/ride/${ride}/history`, passengerToken);
console.log(`history: ${history.count} positions, the last at ${history.locations[0].timestamp}`);
driver.close();
passenger.close();
