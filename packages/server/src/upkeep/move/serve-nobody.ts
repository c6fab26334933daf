import { hostname } from 'node:os';
import { setTimeout as sleep } from 'node:timers/promises';
import { LockSession } from '../../adapters/postgres-ownership/session.ts';
import type { MoveTarget } from '../../adapters/postgres-store/move-in.ts';
import { StartupError } from '../../startup-error.ts';

/** Who was killed holds its locks until the server has noticed, ms. */
const PATIENCE_MS = 5_000;
const LOOK_EVERY_MS = 100;

/**
 * Takes the fleet for this process alone, so that nobody serves it meanwhile. Should the session end, what is half moved
 * keeps servers away by itself.
 * @throws StartupError when somebody serves it
 */
export async function serveNobody({ address }: MoveTarget, home: number): Promise<LockSession> {
  const nothing = (): void => undefined;
  const session = await LockSession.open(address.config, home, nothing, nothing);
  try {
    await session.introduce(`waycast move-data, process ${process.pid} on ${hostname()}`);
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      const holder = await session.enter(true);
      if (holder === null) return session;
      if (performance.now() > deadline) throw new StartupError(`the fleet at ${address.name} is served by ${holder}: stop it first`);
      await sleep(LOOK_EVERY_MS);
    }
  } catch (error) {
    await session.close();
    throw error;
  }
}
