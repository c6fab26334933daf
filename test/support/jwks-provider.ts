import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

const PROCESS = fileURLToPath(new URL('./jwks-provider-process.ts', import.meta.url));

/** How /keys is answered. */
export interface Manner {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Not at all; or with blanks that never end, few or many at a time. */
  readonly slowly?: 'never' | 'drop by drop' | 'without end';
}

export interface ToProvider {
  readonly id: number;
  readonly manner?: Manner;
}

/** An identity provider that publishes its keys, in a process of its own. */
export interface JwksProvider {
  /** Of its keys. */
  readonly url: string;
  answer(manner: Manner): Promise<void>;
  /** The paths it was asked for since it was started, in order. */
  asked(): Promise<readonly string[]>;
  /** As a power cut would; `revive` brings it back on the same port, with nothing to say yet. */
  kill(): Promise<void>;
  revive(): Promise<void>;
}

export async function startJwksProvider(manner: Manner = {}, wanted = 0): Promise<JwksProvider> {
  let [child, port] = await spawned(wanted);
  let asks = 0;
  const tell = async (told: Omit<ToProvider, 'id'>): Promise<readonly string[]> => {
    const id = asks++;
    const answered = new Promise<readonly string[]>((resolve) => {
      const look = (message: { id?: number; paths?: string[] }) => {
        if (message.id !== id) return;
        child.off('message', look);
        resolve(message.paths ?? []);
      };
      child.on('message', look);
    });
    child.send({ id, ...told });
    return answered;
  };
  await tell({ manner });
  return {
    url: `http://127.0.0.1:${port}/keys`,
    answer: async (next) => {
      await tell({ manner: next });
    },
    asked: () => tell({}),
    kill: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGKILL');
      await once(child, 'exit');
    },
    revive: async () => {
      [child] = await spawned(port);
    },
  };
}

async function spawned(wanted: number): Promise<[ChildProcess, number]> {
  const child = fork(PROCESS, [String(wanted)], { execArgv: [], stdio: ['ignore', 'inherit', 'inherit', 'ipc'] });
  const [{ port }] = (await once(child, 'message')) as [{ port: number }];
  return [child, port];
}
