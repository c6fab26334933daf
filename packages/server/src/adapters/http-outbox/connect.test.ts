import { once } from 'node:events';
import { type AddressInfo, createServer, type Server } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { connect, ForbiddenAddress, type Gate, PUBLIC_ONLY } from './connect.ts';

let server: Server;
let connections: number;
let bytes: number;
let closed: Promise<unknown>[];
let port: number;
beforeEach(async () => {
  connections = 0;
  bytes = 0;
  closed = [];
  server = createServer((socket) => {
    connections++;
    closed.push(once(socket, 'close'));
    socket.on('data', (data) => {
      bytes += data.length;
    });
    socket.on('error', () => socket.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  port = (server.address() as AddressInfo).port;
});
afterEach(() => server.close());

const never = new AbortController().signal;
const to = (host: string, protocol = 'http') => new URL(`${protocol}://${host}:${port}/`);

/** A resolver that answers each question with the next of these. */
function resolver(...answers: readonly (readonly string[])[]): { resolve: Gate['resolve']; asked: () => number } {
  let asked = 0;
  const resolve = ((_host: string, _options: unknown, callback: (error: null, found: unknown) => void) => {
    const found = (answers[Math.min(asked++, answers.length - 1)] ?? []).map((address) => ({
      address,
      family: address.includes(':') ? 6 : 4,
    }));
    callback(null, found);
  }) as Gate['resolve'];
  return { resolve, asked: () => asked };
}

describe('behind a gate [W13]', () => {
  it.each(['127.0.0.1', '[::1]', '[::ffff:127.0.0.1]', '2130706433', '0x7f.1', '0'])('%s is not even dialled', async (host) => {
    await expect(connect(to(host), PUBLIC_ONLY, never)).rejects.toThrow(ForbiddenAddress);
    expect(connections).toBe(0);
  });

  it.each(['localhost', 'LOCALHOST'])('%s is not dialled either, by what it resolves to', async (host) => {
    await expect(connect(to(host), PUBLIC_ONLY, never)).rejects.toThrow(ForbiddenAddress);
    expect(connections).toBe(0);
  });

  it('a name is asked for once, and what was looked at is dialled: the second answer never counts', async () => {
    const { resolve, asked } = resolver(['127.0.0.1'], ['127.0.0.9']);
    const socket = await connect(to('rebinding.example'), { isAllowed: (address) => address === '127.0.0.1', resolve }, never);
    expect([asked(), connections, socket.remoteAddress]).toEqual([1, 1, '127.0.0.1']);
    socket.destroy();
  });

  it('a name with one address that is not allowed is refused whole', async () => {
    const { resolve } = resolver(['127.0.0.1', '10.0.0.1']);
    const gate = { isAllowed: (address: string) => address !== '10.0.0.1', resolve };
    await expect(connect(to('mixed.example'), gate, never)).rejects.toThrow(ForbiddenAddress);
    expect(connections).toBe(0);
  });

  it('a name without an address is refused', async () => {
    await expect(connect(to('nowhere.example'), { isAllowed: () => true, resolve: resolver([]).resolve }, never)).rejects.toThrow(
      'has no address',
    );
  });

  it.each(['http', 'https'])('the connected socket of %s is looked at before a byte is written', async (protocol) => {
    let looks = 0;
    // Allowed when it is looked up, not when it is connected.
    const gate = { isAllowed: () => ++looks === 1, resolve: resolver(['127.0.0.1']).resolve };
    await expect(connect(to('sly.example', protocol), gate, never)).rejects.toThrow(ForbiddenAddress);
    await Promise.all(closed);
    expect(looks).toBe(2);
    expect(bytes).toBe(0);
  });
});

it('without a gate connects anywhere, and gives up when it is told to', async () => {
  const socket = await connect(to('127.0.0.1'), null, never);
  expect(socket.remotePort).toBe(port);
  socket.destroy();
  await expect(connect(to('127.0.0.1'), null, AbortSignal.abort())).rejects.toThrow('given up');
});
