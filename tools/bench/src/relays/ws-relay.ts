import { type WebSocket, WebSocketServer } from 'ws';

/** A bare `ws` relay: what arrives on /p/N goes to the one watcher on /s/N, unread. `node ws-relay.ts PORT`. */
const watchers = new Map<string, WebSocket>();
const server = new WebSocketServer({ host: '127.0.0.1', port: Number(process.argv[2]), perMessageDeflate: false, clientTracking: false });
server.on('connection', (socket, request) => {
  const [, side, topic = ''] = (request.url ?? '').split('/');
  socket.on('error', () => socket.terminate());
  if (side === 's') watchers.set(topic, socket);
  else socket.on('message', (data) => watchers.get(topic)?.send(data, { binary: false }));
});
server.on('listening', () => console.log('listening'));
process.on('SIGTERM', () => process.exit(0));
