import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { StreamClient } from '@waycast/client';
import { readJournals } from '../oracle/journal.ts';
import { random } from '../oracle/random.ts';
import { CrashLoad } from './crash-load.ts';
import { atRest, notStored, tell, watchSome } from './load-checks.ts';
import { stablePort } from './port.ts';
import type { Recorder } from './recorder.ts';
import { startServer } from './server.ts';
import { until } from './until.ts';

/** What one kill and restart did. */
export interface Round {
  readonly round: number;
  /** answers that something is stored, read before the kill */
  readonly acks: number;
  readonly lost: number;
  readonly duplicated: number;
  /** from starting the process until it serves */
  readonly restartMs: number;
}

export interface CrashReport {
  readonly rounds: Round[];
  readonly fixes: number;
  readonly events: number;
  /** everything that does not hold, for people */
  readonly wrong: string[];
}

const ENV = { LOCATION_UPDATE_RATE_LIMIT: '0', REST_RATE_LIMIT_PER_MINUTE: '1000000', LOG_LEVEL: 'warn' };

/**
 * Rounds of kill -9 under load on one data folder. Each kill comes after a random number of acknowledgements, so that it
 * falls between any two things the server does; then the same folder is served again and producers go on as the client does.
 */
export async function crashRounds(count: number, seed: number): Promise<CrashReport> {
  const chance = random(seed);
  const folder = mkdtempSync(join(tmpdir(), 'waycast-crash-'));
  const dataDir = join(folder, 'data');
  mkdirSync(dataDir);
  const start = { dataDir, port: await stablePort(), env: ENV, args: ['--log-level', 'info'] };
  let server = await startServer(start);
  const load = new CrashLoad(folder, server, await server.token('service'), seed);
  const looking = new StreamClient({ url: server.url, token: await server.token('dispatcher'), timing: { min: 10, max: 100 } });
  try {
    await load.prepare(server);
    load.start();
    const rounds: Round[] = [];
    const wrong: string[] = [];
    await until(
      () => load.acks,
      (acks) => acks > 200,
    );
    const own = watchSome(load, looking);
    const epochs: string[][] = [];
    for (let round = 1; round <= count; round++) {
      const before = load.acks;
      const target = before + chance.whole(20, 500);
      await new Promise<void>((resolve) => {
        const look = () => (load.acks >= target ? resolve() : setImmediate(look));
        look();
      });
      await server.kill();
      // Read before the restart: only these were promised by the process that is gone.
      const { acks } = readJournals(load.journals);
      epochs.push(epochsOf(own));
      const begun = performance.now();
      server = await startServer(start);
      const restartMs = performance.now() - begun;
      const found = await notStored(load, acks);
      const lost = found.filter(({ code }) => code === 'lost').length;
      rounds.push({ round, acks: load.acks - before, lost, duplicated: found.filter(({ code }) => code === 'twice').length, restartMs });
      wrong.push(...found.map((violation) => tell(`round ${round}`, violation)));
      await until(
        () => own.messages.filter(({ type }) => type === 'snapshot').length,
        (snapshots) => snapshots >= own.feeds * (round + 1),
      );
    }
    await load.finish();
    const rest = await atRest(load, own, server);
    return { rounds, ...rest, wrong: [...wrong, ...rest.wrong, ...epochsAgain(epochs, epochsOf(own))] };
  } finally {
    looking.close();
    load.close();
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Every life of a feed that was seen so far. */
function epochsOf({ messages }: Recorder): string[] {
  return [...new Set(messages.map(({ feed, epoch }) => `${feed} ${epoch}`))];
}

/** O1: what is seen after the last restart was never seen before one. */
function epochsAgain(before: readonly string[][], all: readonly string[]): string[] {
  const counts = new Map<string, number>();
  for (const epoch of all) {
    const feed = epoch.split(' ')[0] ?? '';
    counts.set(feed, (counts.get(feed) ?? 0) + 1);
  }
  // One life for each start of the server, none of them twice: that the checker asks (`epoch-returned`).
  return [...counts].flatMap(([feed, lives]) =>
    lives === before.length + 1 ? [] : [`O1: ${feed} had ${lives} epochs in ${before.length + 1} lives of the server`],
  );
}
