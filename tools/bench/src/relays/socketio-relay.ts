import { createServer } from 'node:http';
import { Server } from 'socket.io';

/** A Socket.IO 4 relay: a driver's `fix` goes to the room of its topic, where the one watcher sits. `node socketio-relay.ts PORT`. */
const http = createServer();
const io = new Server(http, { transports: ['websocket'], serveClient: false, perMessageDeflate: false });
io.on('connection', (socket) => {
  const { side, topic } = socket.handshake.query;
  const room = `trip:${String(topic)}`;
  if (side === 's') socket.join(room);
  else socket.on('fix', (fix: unknown) => socket.to(room).emit('fix', fix));
});
http.listen(Number(process.argv[2]), '127.0.0.1', () => console.log('listening'));
process.on('SIGTERM', () => process.exit(0));
