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
  /** From here on so many bytes a second pass, each way and line: a network that is worse than none. */
  trickle(bytesPerSecond: number): void;
  /** New connections go to this port instead. */
  redirect(port: number): void;
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
  let to = port;
  /** Bytes a tick; all there are by default. */
  let slice = Number.POSITIVE_INFINITY;
  let accepted = 0;
  const listener = createServer((client) => {
    accepted++;
    const line: Line = { client, server: connect(to, '127.0.0.1') };
    lines.add(line);
    const most = (): number => slice;
    pass(client, line.server, { dropped: () => false, most, frozen: () => frozen });
    pass(line.server, client, { dropped: () => dropping, most, frozen: () => frozen });
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
    trickle: (bytesPerSecond) => {
      slice = Math.max(1, Math.round((bytesPerSecond * TICK_MS) / 1_000));
    },
    redirect: (next) => {
      to = next;
    },
    cut: () => {
      for (const one of sockets()) one.resetAndDestroy();
    },
    heal: () => {
      frozen = false;
      dropping = false;
      slice = Number.POSITIVE_INFINITY;
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

const TICK_MS = 50;

interface Passing {
  readonly dropped: () => boolean;
  readonly frozen: () => boolean;
  /** Bytes that pass at once. */
  readonly most: () => number;
}

function pass(from: Socket, to: Socket, { dropped, most, frozen }: Passing): void {
  let rest: Buffer = Buffer.alloc(0);
  let waiting = false;
  const forward = (): void => {
    const count = most();
    if (!dropped() && !to.destroyed) to.write(rest.subarray(0, count));
    rest = rest.subarray(count);
    if (rest.length === 0) {
      if (!frozen()) from.resume();
      return;
    }
    // The rest follows bit by bit; until then nothing more is read.
    from.pause();
    waiting = true;
    setTimeout(() => {
      waiting = false;
      forward();
    }, TICK_MS);
  };
  from.on('data', (bytes: Buffer) => {
    rest = rest.length === 0 ? bytes : Buffer.concat([rest, bytes]);
    if (!waiting) forward();
  });
  from.on('end', () => to.end());
}
