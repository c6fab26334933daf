import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import { expect, it, onTestFinished } from 'vitest';
import { get, Unusable } from './http-get.ts';

const MOST = 1_000_000;

/** A service that answers each call with these bytes and does with the connection what it likes; answers its address. */
async function service(
  answer: (socket: Socket, call: number) => void,
): Promise<{ url: URL; calls: () => number; connections: () => number }> {
  let [calls, connections] = [0, 0];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    connections++;
    sockets.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', () => answer(socket, ++calls));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  const { port } = server.address() as { port: number };
  return { url: new URL(`http://127.0.0.1:${port}/`), calls: () => calls, connections: () => connections };
}

const ask = (url: URL, most = MOST) => get({ url, headers: {}, most, signal: AbortSignal.timeout(10_000) });
const head = (length: number, more = '') => `HTTP/1.1 200 OK\r\nContent-Length: ${length}\r\n${more}\r\n`;

it('a large answer on a connection that ends with it is read whole, again and again', async () => {
  const body = 'x'.repeat(900_000);
  const { url } = await service((socket) => socket.end(head(body.length, 'Connection: close\r\n') + body));
  for (let n = 0; n < 20; n++) expect((await ask(url)).text).toBe(body);
});

it('one that is compressed though nobody asked for that is refused, however its connection ends', async () => {
  const body = gzipSync(Buffer.from(Array.from({ length: 300_000 }, () => Math.random().toString(36)).join('')));
  const { url } = await service((socket) => {
    socket.write(head(body.length, 'Content-Encoding: gzip\r\nConnection: close\r\n'));
    socket.end(body);
  });
  for (let n = 0; n < 20; n++) await expect(ask(url)).rejects.toThrow('it sent what nobody asked for, gzip');
});

it('one that is larger than expected, or cut short, is none', async () => {
  const large = await service((socket) => socket.end(head(2_000) + 'x'.repeat(2_000)));
  await expect(ask(large.url, 1_999)).rejects.toThrow(Unusable);
  const short = await service((socket) => socket.end(`${head(2_000)}short`));
  await expect(ask(short.url)).rejects.toMatchObject({ code: 'ECONNRESET' });
});

it('a connection that was kept and is closed just then is made anew', async () => {
  const kept = await service((socket, call) => {
    if (call === 2) socket.resetAndDestroy();
    else socket.write(`${head(2)}ok`);
  });
  for (let n = 0; n < 3; n++) expect((await ask(kept.url)).text).toBe('ok');
  expect([kept.calls(), kept.connections()]).toEqual([4, 2]);
});

it('what was never answered is an error at once', async () => {
  const { url, calls } = await service((socket) => socket.resetAndDestroy());
  await expect(ask(url)).rejects.toMatchObject({ code: 'ECONNRESET' });
  expect(calls()).toBe(1);
});
