import { RestClient, StreamClient } from '@waycast/client';
import { STREAM_LIMITS } from '@waycast/protocol';
import { describe, expect, it } from 'vitest';
import { check } from './oracle/checker.ts';
import type { WatchedMessage } from './oracle/observed.ts';
import { historiesOf } from './support/history.ts';
import { residentMb } from './support/proc.ts';
import { RawStream } from './support/raw-stream.ts';
import { recorder } from './support/recorder.ts';
import { serverForTest } from './support/server-for-test.ts';
import { until } from './support/until.ts';

const percentile = (numbers: readonly number[], p: number): number =>
  numbers.toSorted((a, b) => a - b)[Math.floor(p * numbers.length)] ?? 0;

describe('flood', () => {
  const PER_BEAT = 10;
  const BEAT_MS = 10;
  const OTHERS = 10;
  const FIXES = 5;

  /** Sends live fixes at 1,000 a second until stopped. */
  function flood(send: (seq: number) => void): () => number {
    let seq = 0;
    const beat = setInterval(() => {
      for (let i = 0; i < PER_BEAT; i++) send(++seq);
    }, BEAT_MS);
    return () => {
      clearInterval(beat);
      return seq;
    };
  }

  it('one driver at 1,000 a second is limited by name, the others are acknowledged as ever [L1, A2]', async () => {
    const server = await serverForTest();
    const wild = await RawStream.connect(server.url, await server.token('driver', 'wild'));
    await wild.open('w');
    const others = await Promise.all(
      Array.from({ length: OTHERS }, async (_, i) => {
        const raw = await RawStream.connect(server.url, await server.token('driver', `calm-${i}`));
        await raw.open('c');
        return raw;
      }),
    );
    // Not farther ahead than the window lets it be: that would be refused by another name.
    const stop = flood((seq) => wild.send({ type: 'fix', seq: Math.min(seq, STREAM_LIMITS.window), lat: 1, lng: 2 }));
    await until(
      () => wild.all('error').length,
      (errors) => errors > 500,
    );
    const took: number[] = [];
    for (let seq = 1; seq <= FIXES; seq++) {
      await Promise.all(
        others.map(async (raw) => {
          const begun = performance.now();
          raw.send({ type: 'fix', seq, lat: 3, lng: 4 + seq / 1_000 });
          await raw.first('ack', ({ stored }) => stored >= seq);
          took.push(performance.now() - begun);
        }),
      );
    }
    const sent = stop();
    const errors = wild.all('error');
    console.log(
      `flood: ${sent} sent, ${errors.length} refused; others acknowledged p50 ${percentile(took, 0.5).toFixed(0)} ms, p99 ${percentile(took, 0.99).toFixed(0)} ms`,
    );
    for (const raw of others) {
      expect(raw.all('error')).toEqual([]);
      expect(raw.closed).toBeUndefined();
    }
    // Watermarks are said once a second: a fix waits for that and for hardly more.
    expect(Math.max(...took)).toBeLessThan(3_000);
    expect(errors.length).toBeGreaterThan(sent * 0.5);
    for (const error of errors) expect(error).toMatchObject({ code: 'rate_limited', retryAfter: expect.toSatisfy((s: number) => s > 0) });
    // Refused for now is not settled: the watermark stays below the first one refused.
    expect(wild.stored('w')).toBeLessThan(Math.min(...errors.map(({ seq = 0 }) => seq)));
    expect(wild.closed).toBeUndefined();
    for (const raw of [wild, ...others]) raw.cut();
    expect(await server.stop()).toEqual({ code: 0 });
  });

  it('of many drivers on one connection the one that is limited is named [L1, A2]', async () => {
    const server = await serverForTest();
    const gateway = await RawStream.connect(server.url, await server.token('service'));
    await gateway.open('w', 'wild');
    await gateway.open('c', 'calm');
    for (let seq = 1; seq <= 30; seq++) gateway.send({ type: 'fix', driver: 'wild', seq, lat: 1, lng: 2 });
    gateway.send({ type: 'fixes', driver: 'wild', fixes: [{ seq: 31, lat: 1, lng: 2 }] });
    gateway.send({ type: 'fix', driver: 'calm', seq: 1, lat: 3, lng: 4 });
    await gateway.first('ack', ({ driver, stored }) => driver === 'calm' && stored === 1);
    const errors = gateway.all('error');
    expect(errors.length).toBeGreaterThanOrEqual(19);
    for (const error of errors) expect(error).toMatchObject({ code: 'rate_limited', driver: 'wild' });
    gateway.cut();
    await server.stop();
  });
});

describe('slow watchers', () => {
  const SLOW = 50;
  const HEALTHY = 3;
  /** Positions until the server's heap has its working size; then until the slow sockets are full; then the rest. */
  const WARM = 1_000;
  const FULL = 8_000;
  const FIXES = 12_000;
  /** MB, once everything is full: V8 takes some 60 more for itself at a time of its own; 50 that kept all would hold 1,700 more. */
  const MAY_GROW = 200;

  it('50 that stop reading cost nobody anything: healthy ones get all, the slow ones are told what they missed [O3, O7]', async () => {
    const server = await serverForTest({ env: { LOCATION_UPDATE_RATE_LIMIT: '0' } });
    const rest = new RestClient({ url: server.url, token: await server.token('service') });
    // A hundred stops still to come make each position a message of 10 KB: sockets are full at once.
    const stops = Array.from({ length: 100 }, (_, i) => ({ id: `stop-${i}`, type: 'waypoint' as const, lat: 45 + i / 100, lng: 12 }));
    await rest.createTrip({ id: 't', kind: 'delivery', driverId: 'd', stops });
    const driver = await RawStream.connect(server.url, await server.token('driver', 'd'));
    await driver.open('s');
    const from = Date.now() - FIXES * 1_000;
    const send = (seq: number) => driver.send({ type: 'fix', seq, lat: 44 + seq / 1e5, lng: 11, timestamp: from + seq * 1_000 });
    const stored = (seq: number) =>
      until(
        () => driver.stored('s'),
        (seen) => seen >= seq,
      );
    send(1);
    await stored(1);
    const client = new StreamClient({ url: server.url, token: await server.token('dispatcher') });
    const healthy = Array.from({ length: HEALTHY }, (_, i) => recorder(`healthy ${i}`, client));
    for (const one of healthy) one.watch('trip:t');
    await until(
      () => healthy.every((one) => one.messages.length > 0),
      (all) => all,
    );

    const shown = (seq: number) =>
      until(
        () => healthy.map((one) => one.lastPosition('trip:t')?.timestamp),
        (seen) => seen.every((timestamp) => timestamp === new Date(from + seq * 1_000).toISOString()),
      );
    let most = 0;
    const drive = async (first: number, last: number) => {
      for (let seq = first; seq <= last; seq++) {
        send(seq);
        // In step with a healthy watcher: what it gets is not for lack of its own speed.
        if (seq % 50 !== 0) continue;
        await shown(seq);
        most = Math.max(most, residentMb(server.pid));
      }
    };
    await drive(2, WARM);
    const slow = await Promise.all(
      Array.from({ length: SLOW }, async (_, i) => RawStream.connect(server.url, await server.token('dispatcher', `slow-${i}`))),
    );
    for (const raw of slow) raw.send({ type: 'subscribe', feed: 'trip:t' });
    await Promise.all(slow.map((raw) => raw.first('snapshot')));
    for (const raw of slow) raw.pause();
    const before = residentMb(server.pid);
    await drive(WARM + 1, FULL);
    const full = residentMb(server.pid);
    most = full;
    await drive(FULL + 1, FIXES);
    await stored(FIXES);
    console.log(
      `slow watchers: ${SLOW} that do not read, ${FIXES - WARM} positions of 10 KB; server ${before.toFixed(0)} MB before, ${full.toFixed(0)} MB when they were full, ${most.toFixed(0)} MB at most after that`,
    );
    expect(most - full).toBeLessThan(MAY_GROW);

    for (const raw of slow) raw.resume();
    const last = new Date(from + FIXES * 1_000).toISOString();
    await Promise.all(slow.map((raw) => raw.first('location', ({ timestamp }) => timestamp === last)));
    for (const raw of slow) {
      expect(raw.all('conflated').length).toBeGreaterThan(0);
      expect(raw.closed).toBeUndefined();
    }
    for (const one of healthy) {
      const count = (type: string) => one.messages.filter((message) => message.type === type).length;
      expect({ locations: count('location'), conflated: count('conflated') }).toEqual({ locations: FIXES - 1, conflated: 0 });
    }
    const lean = ({ watcher, messages }: { watcher: string; messages: readonly unknown[] }) => ({
      watcher,
      messages: messages as WatchedMessage[],
    });
    const watched = [...healthy.map(lean), ...slow.map(({ messages }, i) => lean({ watcher: `slow ${i}`, messages }))];
    const history = await historiesOf(rest, ['d']);
    const violations = check({ attempts: [], acks: [], history, watched }).filter(({ code }) => code !== 'never-attempted');
    expect(violations).toEqual([]);
    for (const raw of [driver, ...slow]) raw.cut();
    client.close();
    await server.stop();
  });
});
