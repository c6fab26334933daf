import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Child, start } from './children.ts';
import type { Cores } from './cores.ts';
import { Generator, type Window } from './generator.ts';
import type { Peer, PlannedConnection } from './peers/peer.ts';
import { type Sample, sample } from './proc.ts';
import { makeRow, type Row } from './row.ts';

/** What all sessions share. */
export interface Rig {
  cores: Cores;
  /** the built generator.c; undefined: the one in Node */
  generator: string | undefined;
  /** where data folders go */
  scratch: string;
  drivers: number;
  /** epoch ms: after it nothing is repeated and no search goes on */
  deadline: number;
}

/** Long and dense enough for the compiler and the heap of every peer to settle. */
const WARM_UP = { rate: 20_000, window: { seconds: 4, lead: 0, drain: 20 } };

/** One fresh server, with all drivers and watchers connected and the code warm. */
export class Session {
  readonly #peer: Peer;
  readonly #rig: Rig;
  readonly #folder: string;
  readonly #server: Child;
  readonly #generator: Generator;

  private constructor(peer: Peer, rig: Rig, folder: string, server: Child, generator: Generator) {
    this.#peer = peer;
    this.#rig = rig;
    this.#folder = folder;
    this.#server = server;
    this.#generator = generator;
  }

  static async open(peer: Peer, rig: Rig): Promise<Session> {
    const folder = mkdtempSync(join(rig.scratch, `${peer.name}-`));
    const port = await freePort();
    const server = start(peer.launch(port, folder), rig.cores.pinned ? rig.cores.server : undefined, false);
    try {
      await Promise.race([peer.ready(port), exited(server)]);
      const plan = join(folder, 'plan');
      writeFileSync(plan, (await peer.plan(port, rig.drivers)).map(planLine).join(''), { mode: 0o600 });
      const generator = new Generator(startGenerator(peer, rig, port, plan));
      const session = new Session(peer, rig, folder, server, generator);
      await generator.connected();
      await session.run(WARM_UP.rate, WARM_UP.window, 0);
      return session;
    } catch (error) {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
      throw new Error(`${peer.label}: ${error instanceof Error ? error.message : String(error)}\n${server.tail()}`);
    }
  }

  async run(rate: number, window: Window, round: number): Promise<Row> {
    const samples: Sample[] = [];
    const { cores } = this.#rig;
    const take = () => samples.push(sample(this.#server.pid, this.#generator.child.pid, [cores.server, cores.generator]));
    const result = await this.#generator.run(rate, window, take).catch((error: unknown) => {
      throw new Error(
        `${this.#peer.label} at ${rate}/s: ${error instanceof Error ? error.message : String(error)}\n${this.#server.tail()}`,
      );
    });
    const [begin, end] = samples;
    if (begin === undefined || end === undefined) throw new Error('the window was not sampled');
    return makeRow(this.#peer.name, round, result, begin, end);
  }

  async close(): Promise<void> {
    await this.#generator.child.stop(2);
    await this.#server.stop(20);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function startGenerator(peer: Peer, rig: Rig, port: number, plan: string): Child {
  const script = fileURLToPath(new URL('node-generator.ts', import.meta.url));
  const [command, first] = rig.generator === undefined ? [process.execPath, [script]] : [rig.generator, []];
  const args = [...first, String(port), plan, peer.mark, peer.prefix, peer.suffix, peer.acknowledges ? '1' : '0'];
  return start({ command, args, env: {} }, rig.cores.pinned ? rig.cores.generator : undefined, true);
}

function planLine({ path, header = '-', first = '-', marker = '-' }: PlannedConnection): string {
  return `${[path, header, first, marker].join('\t')}\n`;
}

function exited(child: Child): Promise<never> {
  return new Promise((_, reject) => {
    child.process.once('exit', (code, signal) => reject(new Error(`the server ended before it was ready (${signal ?? code})`)));
  });
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', reject);
    probe.listen(0, '127.0.0.1', () => {
      const address = probe.address();
      probe.close(() => (address !== null && typeof address === 'object' ? resolve(address.port) : reject(new Error('no port'))));
    });
  });
}
