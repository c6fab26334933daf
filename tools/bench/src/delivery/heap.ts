import { readFileSync } from 'node:fs';
import { setTimeout as pause } from 'node:timers/promises';
import { WebSocket } from 'ws';

/** What a process holds, bytes. */
export interface Held {
  /** live objects and buffers of its main thread, after collecting garbage */
  live: number;
  rss: number;
}

interface HeapUsage {
  usedSize: number;
  embedderHeapUsedSize?: number;
  backingStorageSize?: number;
}

/** Looks into a Node process started with `--inspect=127.0.0.1:PORT`. */
export class Heap {
  readonly #socket: WebSocket;
  readonly #pid: number;
  readonly #asked = new Map<number, (result: unknown) => void>();

  private constructor(socket: WebSocket, pid: number) {
    this.#socket = socket;
    this.#pid = pid;
    socket.on('message', (data) => {
      const { id, result } = JSON.parse(String(data)) as { id: number; result: unknown };
      this.#asked.get(id)?.(result);
      this.#asked.delete(id);
    });
  }

  static async of(inspectPort: number, pid: number): Promise<Heap> {
    const targets = (await (await fetch(`http://127.0.0.1:${inspectPort}/json/list`)).json()) as { webSocketDebuggerUrl: string }[];
    const socket = new WebSocket(targets[0]?.webSocketDebuggerUrl ?? '');
    await new Promise((resolve, reject) => socket.once('open', resolve).once('error', reject));
    return new Heap(socket, pid);
  }

  async held(): Promise<Held> {
    // What has just ended may hang on for a turn or two of the event loop.
    for (let round = 0; round < 3; round++) {
      await this.#ask('HeapProfiler.collectGarbage');
      await pause(200);
    }
    const { usedSize, embedderHeapUsedSize = 0, backingStorageSize = 0 } = (await this.#ask('Runtime.getHeapUsage')) as HeapUsage;
    const rss = Number(/VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${this.#pid}/status`, 'utf8'))?.[1] ?? '0') * 1024;
    return { live: usedSize + embedderHeapUsedSize + backingStorageSize, rss };
  }

  close(): void {
    this.#socket.close();
  }

  #ask(method: string): Promise<unknown> {
    const id = this.#asked.size + Math.floor(performance.now() * 1000);
    return new Promise((resolve) => {
      this.#asked.set(id, resolve);
      this.#socket.send(JSON.stringify({ id, method }));
    });
  }
}
