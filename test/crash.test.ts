import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RestClient } from '@waycast/client';
import { describe, expect, it } from 'vitest';
import { crashRounds, type Round } from './support/crash-rounds.ts';
import { serverForTest } from './support/server-for-test.ts';

/** More by `npm run test:crash -- --rounds N`. */
const ROUNDS = Number(process.env.CRASH_ROUNDS ?? 6);
const SEED = Number(process.env.CRASH_SEED ?? Date.now() % 1_000_000);
/** Rounds on one data folder; then a fresh one, so that looking at everything stays cheap. */
const ON_ONE_FOLDER = 10;
const SECONDS_A_ROUND = 15;

const percentile = (sorted: readonly number[], p: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(p * sorted.length))] ?? 0;

function summary(rounds: readonly Round[], fixes: number, events: number): string {
  const restarts = rounds.map(({ restartMs }) => restartMs).sort((a, b) => a - b);
  const sum = (of: (round: Round) => number) => rounds.reduce((total, round) => total + of(round), 0);
  return `crash: ${rounds.length} rounds, ${fixes} fixes, ${events} events; lost ${sum(({ lost }) => lost)}, duplicated ${sum(
    ({ duplicated }) => duplicated,
  )}; restart p50 ${Math.round(percentile(restarts, 0.5))} ms, most ${Math.round(restarts.at(-1) ?? 0)} ms (seed ${SEED})`;
}

describe('kill -9 under load', () => {
  it(`${ROUNDS} rounds: what was acknowledged is stored once, events happen once, feeds begin anew [A1, A4, A6, F9, G8, O1]`, {
    timeout: 60_000 + ROUNDS * SECONDS_A_ROUND * 1_000,
  }, async () => {
    const rounds: Round[] = [];
    const wrong: string[] = [];
    let fixes = 0;
    let events = 0;
    for (let done = 0; done < ROUNDS; done += ON_ONE_FOLDER) {
      const report = await crashRounds(Math.min(ON_ONE_FOLDER, ROUNDS - done), SEED + done);
      for (const { round, acks, lost, duplicated, restartMs } of report.rounds)
        console.log(`round ${done + round}: ${acks} acks, lost ${lost}, duplicated ${duplicated}, restart ${Math.round(restartMs)} ms`);
      rounds.push(...report.rounds);
      wrong.push(...report.wrong);
      fixes += report.fixes;
      events += report.events;
    }
    console.log(summary(rounds, fixes, events));
    expect(wrong, `seed ${SEED}`).toEqual([]);
    expect(events).toBeGreaterThan(0);
  });

  it('a fix sent again after it is not a second one in a row [A6, F9, G4]', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'waycast-again-'));
    let server = await serverForTest({ dataDir });
    const token = await server.token('service');
    const from = Date.now() - 60_000;
    const metres = (m: number, s: number) => ({ lat: 44 + m / 111_195, lng: 11, timestamp: from + s * 1_000 });
    const ask = () => new RestClient({ url: server.url, token });
    await ask().createTrip({
      id: 't',
      kind: 'ride',
      driverId: 'd',
      stops: [{ id: 's', type: 'pickup', lat: 44, lng: 11 }],
      at: from - 1_000,
    });
    const beyond = metres(200, 10);
    await ask().sendFixes('d', [metres(0, 0), beyond]);
    // Has the driver stored whole: what is known of single fixes is not part of that.
    await ask().setAvailability('d', true);
    await server.kill();
    server = await serverForTest({ dataDir });
    const receipt = await ask().sendFixes('d', [beyond]);
    const { events, distance } = await ask().history('t');
    const { locations } = await ask().locations('d');
    await server.stop();
    rmSync(dataDir, { recursive: true });
    expect(receipt).toMatchObject({ stored: 0, duplicates: 1 });
    expect(locations).toHaveLength(2);
    expect(events.map(({ kind }) => kind)).toEqual(['status', 'assignment', 'arrived']);
    expect(distance).toBe(200);
  });

  it('two suspects sent again after it are not four [A6, F6, F9]', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'waycast-suspects-'));
    let server = await serverForTest({ dataDir });
    const token = await server.token('service');
    const from = Date.now() - 60_000;
    const at = (s: number, lng: number) => ({ lat: 44, lng, timestamp: from + s * 1_000 });
    const ask = () => new RestClient({ url: server.url, token });
    const far = [at(1, 14), at(2, 14)];
    expect(await ask().sendFixes('d', [at(0, 11), ...far])).toMatchObject({ stored: 3, suspect: 2 });
    await ask().setAvailability('d', true);
    await server.kill();
    server = await serverForTest({ dataDir });
    expect(await ask().sendFixes('d', far)).toMatchObject({ stored: 0, duplicates: 2 });
    const { location } = await ask().driver('d');
    await server.stop();
    rmSync(dataDir, { recursive: true });
    expect(location).toMatchObject({ lng: 11 });
  });
});

describe('restart', () => {
  const DRIVERS = 1_000;
  const EACH = 100;
  /** ms; the promise is 1,000 on a quiet machine */
  const AT_MOST = 5_000;

  it('with 1,000 drivers and 100,000 fixes stored, after kill -9, is quick', async () => {
    const dataDir = mkdtempSync(join(tmpdir(), 'waycast-restart-'));
    const env = { LOCATION_UPDATE_RATE_LIMIT: '0', REST_RATE_LIMIT_PER_MINUTE: '10000000' };
    let server = await serverForTest({ dataDir, env });
    const from = Date.now() - EACH * 1_000;
    const token = await server.token('service');
    let rest = new RestClient({ url: server.url, token });
    for (let i = 0; i < DRIVERS; i += 20) {
      const some = Array.from({ length: 20 }, (_, j) => i + j);
      await Promise.all(
        some.map((n) => {
          const fixes = Array.from({ length: EACH }, (_, k) => ({ lat: 44 + k / 10_000, lng: n / 100, timestamp: from + k * 1_000 }));
          return rest.sendFixes(`d-${n}`, fixes);
        }),
      );
    }
    await server.kill();
    const begun = performance.now();
    server = await serverForTest({ dataDir, env });
    const served = performance.now() - begun;
    rest = new RestClient({ url: server.url, token });
    const ready = await fetch(`${server.url}/health/ready`);
    const took = performance.now() - begun;
    const { locations } = await rest.locations('d-999');
    await server.stop();
    rmSync(dataDir, { recursive: true });
    console.log(
      `restart with ${DRIVERS} drivers and ${DRIVERS * EACH} fixes: serving after ${Math.round(served)} ms, ready after ${Math.round(took)} ms`,
    );
    expect(ready.status).toBe(200);
    expect(locations).toHaveLength(EACH);
    expect(took).toBeLessThan(AT_MOST);
  });
});
