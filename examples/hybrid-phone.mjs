// A phone that tells its geolocation as it is, and a passenger's page that wants to read "Your driver is on the way": the
// hybrid messages on the native stream.
//
//   WAYCAST_URL=http://localhost:8080 STAFF_TOKEN=... DRIVER_TOKEN=... PASSENGER_TOKEN=... node examples/hybrid-phone.mjs
//
// `npm start --silent -- token --role driver --sub car-7` prints a driver's token, and so on for the other two.
// Only what every browser has as well: fetch and WebSocket.

const base = process.env.WAYCAST_URL ?? 'http://localhost:8080';
const [staff, driver, passenger] = ['STAFF_TOKEN', 'DRIVER_TOKEN', 'PASSENGER_TOKEN'].map((name) => {
  const token = process.env[name];
  if (token === undefined) throw new Error(`${name} is missing`);
  return token;
});
const subjectOf = (token) => JSON.parse(atob(token.split('.')[1].replaceAll('-', '+').replaceAll('_', '/'))).sub;
const pickup = { lat: 41.3917, lng: 2.1649 };

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

/** A page can set no header, so it asks for a ticket and brings that; `hear` gets every message. */
async function connect(token, hear) {
  const { ticket } = await call('POST', '/v1/tickets', token);
  const socket = new WebSocket(`${base.replace('http', 'ws')}/v1/stream?ticket=${ticket}`);
  return new Promise((resolve, reject) => {
    socket.onerror = () => reject(new Error('the stream was refused'));
    socket.onmessage = ({ data }) => {
      const message = JSON.parse(data);
      if (message.type === 'welcome') resolve({ say: (one) => socket.send(JSON.stringify(one)), close: () => socket.close() });
      else hear(message);
    };
  });
}

const { id } = await call('POST', '/v1/trips', staff, {
  kind: 'ride',
  driverId: subjectOf(driver),
  stops: [{ type: 'pickup', ...pickup, partyId: subjectOf(passenger) }],
});

let done;
const seen = new Promise((resolve) => {
  done = resolve;
});
const page = await connect(passenger, (message) => {
  if (message.type === 'location') console.log(`passenger: at ${message.lat}, ${message.lng} with ${message.speed} km/h`);
  if (message.type !== 'ride_status') return;
  console.log(`passenger: ${message.message}${message.eta === null ? '' : `, there at ${message.eta}`}`);
  if (message.status === 'EN_ROUTE') done();
});
page.say({ type: 'subscribe', feed: `trip:${id}`, events: ['ride_status'] });

let kept;
const written = new Promise((resolve) => {
  kept = resolve;
});
const phone = await connect(driver, (message) => {
  if (message.type === 'sent') kept();
  if (message.type === 'error') console.log(`phone: ${message.code}: ${message.message}`);
});
// What navigator.geolocation gives: speed in m/s, heading in degrees.
phone.say({
  type: 'location_update',
  data: { lat: pickup.lat - 0.01, lng: pickup.lng, heading: 0, speed: 10, accuracy: 8, timestamp: Date.now() },
});
phone.say({ type: 'message', trip: id, text: 'two minutes' });
await call('POST', `/v1/trips/${id}/status`, driver, { status: 'EN_ROUTE' });
await Promise.all([seen, written]);

const { messages } = await call('GET', `/v1/trips/${id}/messages`, passenger);
console.log(`passenger: ${messages.length} message from the driver`);
phone.close();
page.close();
