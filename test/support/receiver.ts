import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

const SCRIPT = fileURLToPath(new URL('./receiver-process.ts', import.meta.url));

/** How it answers. `hold`: not at all; `hang`: the body never ends; `afterMs`: so much later. */
export interface Behaviour {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  readonly hold?: boolean;
  readonly hang?: boolean;
  readonly afterMs?: number;
}

/** One request, as its log has it. `status`: what was answered, null when nothing was. */
export interface Received {
  readonly at: number;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  readonly status: number | null;
}

export interface Receiver {
  readonly url: string;
  /** All that ever came, over all its lives, by its own log. */
  received(): Received[];
  /** For all paths, or for one. */
  behave(behaviour: Behaviour, path?: string): void;
  kill(): Promise<void>;
  /** At the same address again. */
  restart(): Promise<void>;
}

/** Another party's server; gone when the test is. */
export async function receiverForTest(): Promise<Receiver> {
  const receiver = await startReceiver();
  onTestFinished(() => receiver.remove());
  return receiver;
}

/** Another party's server, a process of its own, until it is removed. */
export async function startReceiver(): Promise<Receiver & { remove(): Promise<void> }> {
  const folder = mkdtempSync(join(tmpdir(), 'waycast-receiver-'));
  const log = join(folder, 'received.jsonl');
  const told = join(folder, 'behaviour.json');
  const behaviours: Record<string, Behaviour> = {};
  const tell = (): void => {
    // Renamed into place: the process never reads half of it.
    writeFileSync(`${told}.new`, JSON.stringify(behaviours));
    renameSync(`${told}.new`, told);
  };
  tell();
  let child: ChildProcess | undefined;
  const start = async (port: number): Promise<number> => {
    const started = spawn(process.execPath, [SCRIPT, log, told, String(port)], { stdio: ['ignore', 'pipe', 'inherit'] });
    child = started;
    const [first] = (await Promise.race([once(started.stdout, 'data'), once(started, 'exit')])) as [unknown];
    const listening = Number(String(first));
    if (!Number.isInteger(listening) || listening === 0) throw new Error(`the receiver did not come up: ${String(first)}`);
    return listening;
  };
  const kill = async (): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, 'exit');
    child.kill('SIGKILL');
    await exited;
  };
  const port = await start(0);
  return {
    remove: async () => {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
    url: `http://127.0.0.1:${port}`,
    received: () =>
      existsSync(log)
        ? readFileSync(log, 'utf8')
            .split('\n')
            .filter((line) => line !== '')
            .map((line) => JSON.parse(line) as Received)
        : [],
    behave: (behaviour, path = '*') => {
      behaviours[path] = behaviour;
      tell();
    },
    kill,
    restart: async () => {
      await kill();
      await start(port);
    },
  };
}
