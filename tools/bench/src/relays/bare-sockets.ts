import { createServer } from 'node:http';
import { WebSocketServer } from 'ws';

/** Bare `ws` sockets that do nothing: what a connection costs before anybody makes use of it. `node bare-sockets.ts PORT`. */
const server = createServer();
const sockets = new WebSocketServer({ noServer: true, perMessageDeflate: false, clientTracking: false });
const open = new Set<object>();
server.on('upgrade', (request, raw, head) => {
  raw.on('error', () => raw.destroy());
  sockets.handleUpgrade(request, raw, head, (socket) => {
    open.add(socket);
    socket.on('error', () => socket.terminate());
    socket.on('message', () => socket.send('{"type":"pong"}'));
    socket.on('close', () => open.delete(socket));
  });
});
server.listen(Number(process.argv[2]), '127.0.0.1', () => console.log('listening'));
process.on('SIGTERM', () => process.exit(0));
