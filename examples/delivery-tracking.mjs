// A delivery from start to end, as its courier sends it and as its customer sees it on a page without a token.
//
//   WAYCAST_URL=http://localhost:8080 TOKEN=$(npm start --silent -- token --role driver --sub rider-5) RIDER=rider-5 node examples/delivery-tracking.mjs
//
// Only what every browser has as well: fetch and WebSocket.

const base = process.env.WAYCAST_URL ?? 'http://localhost:8080';
const rider = process.env.RIDER ?? 'rider-5';
const token = process.env.TOKEN;
if (token === undefined) throw new Error('TOKEN must be a token of the rider');

const dropoff = { lat: 52.52, lng: 13.405 };
const restaurant = { lat: 52.5, lng: 13.4 };

async function call(path, body) {
  const answer = await fetch(base + path, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const said = await answer.json();
  if (!answer.ok) throw new Error(`${path}: ${answer.status} ${said.detail}`);
  return said;
}

const session = await call('/tracking/start', {
  order_id: process.env.ORDER ?? `order-${Date.now()}`,
  rider_id: rider,
  dropoff_lat: dropoff.lat,
  dropoff_lng: dropoff.lng,
});
console.log(`session ${session.tracking_id} ${session.status}`);

const customer = new WebSocket(`${base.replace('http', 'ws')}/ws/tracking/${session.tracking_id}`);
const delivered = new Promise((resolve, reject) => {
  customer.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.type === 'initial_state') console.log(`customer sees ${message.data.status}`);
    if (message.type === 'location_update' && message.data.eta_seconds !== null)
      console.log(`customer sees ${message.data.eta_seconds} s to go`);
    if (message.type === 'status_change') {
      console.log(`customer sees ${message.data.status}`);
      if (message.data.status === 'DELIVERED') resolve();
    }
    if (message.type === 'error') reject(new Error(message.message));
  };
  customer.onerror = () => reject(new Error('the socket broke'));
});
await new Promise((resolve) => {
  customer.onopen = resolve;
});
// What goes over the socket may also go over REST; couriers with a socket save themselves the handshakes.
const courier = new WebSocket(`${base.replace('http', 'ws')}/ws/tracking/${session.tracking_id}?token=${token}`);
await new Promise((resolve, reject) => {
  courier.onopen = resolve;
  courier.onerror = () => reject(new Error('the socket broke'));
});

const steps = ['ASSIGNED', 'PICKED_UP', 'IN_TRANSIT'];
for (const [index, status] of steps.entries()) {
  const part = index / steps.length;
  const lat = restaurant.lat + (dropoff.lat - restaurant.lat) * part;
  const lng = restaurant.lng + (dropoff.lng - restaurant.lng) * part;
  courier.send(JSON.stringify({ type: 'location_update', location: { lat, lng, status } }));
  // A courier's phone sends every few seconds; faster than a person could drive would count as a mistake.
  await new Promise((resolve) => setTimeout(resolve, Number(process.env.EVERY_MS ?? 5_000)));
}
const last = await call(`/tracking/update/${session.tracking_id}`, { ...dropoff, status: 'DELIVERED' });
console.log(`courier hears ${last.status}, ETA ${last.eta_seconds}`);
await delivered;
customer.close();
courier.close();
