import { Redis } from 'ioredis';
import { type WebSocket, WebSocketServer } from 'ws';

/**
 * The plain way over Redis: what arrives on /p/N is published on channel N, each by itself; whoever has watchers of /s/N is
 * subscribed to it. `node ws-redis.ts PORT REDIS_URL`.
 */
const [port, url = ''] = process.argv.slice(2);
const publisher = new Redis(url);
const subscriber = new Redis(url);
const watchers = new Map<string, WebSocket[]>();
subscriber.on('messageBuffer', (channel: Buffer, fix: Buffer) => {
  for (const socket of watchers.get(channel.toString('latin1')) ?? []) socket.send(fix, { binary: false });
});
const server = new WebSocketServer({ host: '127.0.0.1', port: Number(port), perMessageDeflate: false, clientTracking: false });
server.on('connection', (socket, request) => {
  const [, side, topic = ''] = (request.url ?? '').split('/');
  socket.on('error', () => socket.terminate());
  if (side !== 's') {
    socket.on('message', (data) => void publisher.publish(topic, data as Buffer));
    return;
  }
  const there = watchers.get(topic);
  if (there !== undefined) there.push(socket);
  else {
    watchers.set(topic, [socket]);
    void subscriber.subscribe(topic);
  }
});
server.on('listening', () => console.log('listening'));
process.on('SIGTERM', () => process.exit(0));
