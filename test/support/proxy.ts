import { once } from 'node:events';
import { type AddressInfo, connect, createServer, type Socket } from 'node:net';

/** A TCP proxy that misbehaves on request, as networks do. */
export interface BadNetwork {
  readonly url: string;
  /** connections that were let through so far */
  readonly accepted: number;
  /** Nothing passes any more, either way, and nobody is told: a half-open line. New connections hang as well. */
  freeze(): void;
  /** What the server says vanishes; what clients say still reaches it. */
  dropReplies(): void;
  /** Every connection is reset. New ones are let through. */
  cut(): void;
  /** All as it should be from here on; what a frozen line held back goes on, what was dropped is gone. */
  heal(): void;
  /** Twice is fine. */
  close(): Promise<void>;
}

interface Line {
  readonly client: Socket;
  readonly server: Socket;
}

/** Listens on a port of its own and passes everything on to `port`. */
export async function startProxy(port: number): Promise<BadNetwork> {
  const lines = new Set<Line>();
  let frozen = false;
  let dropping = false;
  let accepted = 0;
  const listener = createServer((client) => {
    accepted++;
    const line: Line = { client, server: connect(port, '127.0.0.1') };
    lines.add(line);
    pass(client, line.server, () => false);
    pass(line.server, client, () => dropping);
    for (const one of [client, line.server]) {
      one.setNoDelay(true);
      if (frozen) one.pause();
      // A frozen line tells neither end that the other is gone.
      one.on('close', () => {
        if (frozen) return;
        lines.delete(line);
        client.destroy();
        line.server.destroy();
      });
      one.on('error', () => one.destroy());
    }
  });
  listener.listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const sockets = () => [...lines].flatMap(({ client, server }) => [client, server]);
  return {
    url: `http://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    get accepted() {
      return accepted;
    },
    freeze: () => {
      frozen = true;
      for (const one of sockets()) one.pause();
    },
    dropReplies: () => {
      dropping = true;
    },
    cut: () => {
      for (const one of sockets()) one.resetAndDestroy();
    },
    heal: () => {
      frozen = false;
      dropping = false;
      for (const one of sockets()) {
        if (one.destroyed) continue;
        one.resume();
      }
    },
    close: async () => {
      frozen = false;
      for (const one of sockets()) one.destroy();
      if (!listener.listening) return;
      listener.close();
      await once(listener, 'close');
    },
  };
}

function pass(from: Socket, to: Socket, dropped: () => boolean): void {
  from.on('data', (bytes) => {
    if (!dropped() && !to.destroyed) to.write(bytes);
  });
  from.on('end', () => to.end());
}
