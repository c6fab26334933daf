// A rider of the fleet apps: follows a trip of a driver until it ends.
//   WAYCAST_URL=http://localhost:8080 WAYCAST_TOKEN=... node examples/fleet-rider.mjs car-1 ride-1
import { io } from 'socket.io-client';

const { WAYCAST_URL = 'http://localhost:8080', WAYCAST_TOKEN: token } = process.env;
const [driverId, tripId] = process.argv.slice(2);

const socket = io(WAYCAST_URL, { auth: { token } });
socket.on('connect_error', (error) => {
  console.error(`not let in: ${error.data?.code ?? error.message}`);
  if (error.data) process.exit(1);
});
socket.on('error', ({ code, message }) => console.error(`${code}: ${message}`));

// Whenever connected: a connection that comes back follows nothing yet.
socket.on('connect', async () => {
  const answer = await socket.emitWithAck('rider:subscribe', { driverId, tripId });
  if (answer.ok) return;
  console.error(`${answer.code}: ${answer.message}`);
  socket.close();
});
socket.on('driver:location', ({ latitude, longitude, speed }) => console.log(`at ${latitude} ${longitude}, ${speed} km/h`));
socket.on('trip:update', ({ status, eta }) => {
  console.log(`${status}, expected ${eta ?? 'later'}`);
  if (status === 'COMPLETED' || status === 'CANCELLED' || status === 'DELIVERED') socket.close();
});
