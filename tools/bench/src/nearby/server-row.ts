import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { start } from '../children.ts';
import type { Cores } from '../cores.ts';
import { sign, waycast } from '../peers/waycast-peer.ts';
import { sample } from '../proc.ts';
import { profileReport } from '../profile.ts';
import { freePort } from '../session.ts';
import { chance, placer, type Spread } from './places.ts';
import { quantile } from './quantile.ts';
import { ask } from './questions.ts';
import { Updates } from './updates.ts';

const SOCKETS = 20;

export interface ServerLoad {
  server: string;
  drivers: number;
  /** updates a second, and questions a second */
  rate: number;
  questions: number;
  seconds: number;
  cpuProf: boolean;
}

export interface ServerRow {
  spread: Spread;
  asked: number;
  failed: number;
  /** drivers per answer */
  found: number;
  /** ms */
  p50: number;
  p99: number;
  p999: number;
  max: number;
  updatesPerSecond: number;
  updatesFailed: number;
  firstError: string;
  /** share of a core */
  serverCpu: number;
  /** bytes; with nobody known, and with all of them */
  rssEmpty: number;
  rss: number;
  profile: string;
}

/** A real server that knows all drivers and hears of them all the time, asked over REST. */
export async function serverRow(spread: Spread, load: ServerLoad, cores: Cores, scratch: string): Promise<ServerRow> {
  const folder = mkdtempSync(join(scratch, 'nearby-'));
  const peer = waycast(load.server, load.cpuProf ? ['--cpu-prof', `--cpu-prof-dir=${folder}`, '--cpu-prof-interval=500'] : []);
  const port = await freePort();
  const server = start(peer.launch(port, folder), cores.pinned ? cores.server : undefined, false);
  try {
    await peer.ready(port);
    const place = placer(spread, chance(5));
    const drivers = Array.from({ length: load.drivers }, place);
    const updates = await Updates.open([port], await sign('bench', 'service'), drivers, SOCKETS);
    const look = () => sample(server.pid, process.pid, [cores.server, cores.generator]);
    const empty = look();
    await updates.run(load.rate, load.drivers);
    const running = updates.run(load.rate);
    const token = await sign('bench', 'dispatcher');
    // Once round, for code and heap to settle.
    await ask(port, token, place, load.questions, 5);
    const [before, sentBefore] = [look(), updates.sent];
    const answers = await ask(port, token, place, load.questions, load.seconds);
    const [after, sent] = [look(), updates.sent - sentBefore];
    updates.stop();
    await running;
    updates.close();
    const seconds = (after.at - before.at) / 1_000;
    const at = (q: number) => quantile(answers.times, q);
    const row = {
      ...{ spread, asked: answers.times.length + answers.failed, failed: answers.failed, found: answers.found / answers.times.length },
      ...{ p50: at(0.5), p99: at(0.99), p999: at(0.999), max: at(1) },
      ...{ updatesPerSecond: sent / seconds, updatesFailed: updates.failed, firstError: updates.firstError },
      ...{ serverCpu: (after.server - before.server) / seconds, rssEmpty: empty.serverRss, rss: after.serverRss },
    };
    await pause(1_000);
    await server.stop(30);
    return { ...row, profile: load.cpuProf ? profileReport(folder) : '' };
  } catch (error) {
    throw new Error(`${error instanceof Error ? error.message : String(error)}\n${server.tail()}`);
  } finally {
    await server.stop(30);
    rmSync(folder, { recursive: true, force: true });
  }
}
