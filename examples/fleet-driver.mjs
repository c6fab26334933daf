// A driver of the fleet apps: five positions, a second apart, each sent until it is stored.
//   WAYCAST_URL=http://localhost:8080 WAYCAST_TOKEN=... node examples/fleet-driver.mjs 52.51 13.40
import { setTimeout as pause } from 'node:timers/promises';
import { io } from 'socket.io-client';

const { WAYCAST_URL = 'http://localhost:8080', WAYCAST_TOKEN: token } = process.env;
const [latitude = 52.51, longitude = 13.4] = process.argv.slice(2).map(Number);

const socket = io(WAYCAST_URL, { auth: { token } });
socket.on('connect_error', (error) => {
  console.error(`not let in: ${error.data?.code ?? error.message}`);
  // A network that is down is tried again by the library; a refusal is final.
  if (error.data) process.exit(1);
});
socket.on('error', ({ code, message }) => console.error(`${code}: ${message}`));
await new Promise((resolve) => socket.once('connected', resolve));

await socket.emitWithAck('driver:online', { available: true });
for (let n = 0; n < 5; n++) {
  const position = { latitude: latitude + n * 0.0001, longitude, speed: 40, bearing: 0, accuracy: 5, timestamp: new Date().toISOString() };
  for (;;) {
    const answer = await socket
      .timeout(10_000)
      .emitWithAck('driver:location', position)
      .catch(() => ({ ok: false, code: 'no answer' }));
    if (answer.ok) {
      console.log(`stored ${position.latitude.toFixed(4)} as ${answer.seq}`);
      break;
    }
    if (answer.code === 'invalid_fix' || answer.code === 'forbidden') throw new Error(`${answer.code}: ${answer.message}`);
    await pause((answer.retryAfter ?? 1) * 1000);
  }
  await pause(1_000);
}
await socket.emitWithAck('driver:offline');
socket.close();
