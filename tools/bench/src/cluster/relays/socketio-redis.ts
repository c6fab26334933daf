import { createServer } from 'node:http';
import { createAdapter } from '@socket.io/redis-adapter';
import { Redis } from 'ioredis';
import { Server } from 'socket.io';

/**
 * A Socket.IO 4 relay on its Redis adapter: a driver's `fix` goes to the room of its topic, whichever server its watchers
 * are on. `node socketio-redis.ts PORT REDIS_URL`.
 */
const [port, url = ''] = process.argv.slice(2);
const publisher = new Redis(url);
const http = createServer();
const io = new Server(http, {
  adapter: createAdapter(publisher, publisher.duplicate()),
  transports: ['websocket'],
  serveClient: false,
  perMessageDeflate: false,
});
io.on('connection', (socket) => {
  const { side, topic } = socket.handshake.query;
  const room = `trip:${String(topic)}`;
  if (side === 's') void socket.join(room);
  else socket.on('fix', (fix: unknown) => socket.to(room).emit('fix', fix));
});
http.listen(Number(port), '127.0.0.1', () => console.log('listening'));
process.on('SIGTERM', () => process.exit(0));
