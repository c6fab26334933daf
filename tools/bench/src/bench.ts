import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { archive } from './archive/archive.ts';
import { cluster } from './cluster/cluster.ts';
import { chooseCores, moveTo } from './cores.ts';
import { delivery } from './delivery/delivery.ts';
import { fleet } from './fleet/fleet.ts';
import { diskFolder, machineFacts } from './machine.ts';
import { buildNative } from './native.ts';
import { nearby } from './nearby/nearby.ts';
import { HELP, type Options, readOptions } from './options.ts';
import type { Peer } from './peers/peer.ts';
import { ceiling, socketIoRelay, wsRelay } from './peers/relay-peers.ts';
import { waycast } from './peers/waycast-peer.ts';
import { persistence } from './persistence/persistence.ts';
import { profileRun } from './profile-run.ts';
import { doesNotLines, fixedTable, highestTable, ratioLines } from './report.ts';
import { turn } from './rounds.ts';
import type { Row } from './row.ts';
import type { Highest } from './search.ts';
import type { Rig } from './session.ts';
import { ratio, summarise } from './summary.ts';

function choosePeers(options: Options): Peer[] {
  const known = [wsRelay, socketIoRelay, waycast(options.server)];
  return options.peers.map((name) => {
    const peer = known.find((candidate) => candidate.name === name);
    if (peer === undefined) throw new Error(`no peer "${name}"; there are ${known.map((candidate) => candidate.name).join(', ')}`);
    return peer;
  });
}

async function measure(options: Options, rig: Rig): Promise<void> {
  const started = new Date();
  const peers = choosePeers(options);
  const machine = machineFacts(rig.cores, rig.scratch);
  console.log(
    `${machine.cpu}, ${machine.cores} cores, Node ${machine.node}; server on core ${rig.cores.server}, generator on core ${rig.cores.generator}`,
  );
  if (machine.scratchInMemory) console.log(`WARNING: ${rig.scratch} is in memory, so that fsync costs nothing; use --scratch`);
  const relay = options.ceiling ? buildNative('ceiling', rig.scratch) : undefined;
  const limit = relay === undefined ? undefined : await turn(ceiling(relay), rig, { ...options, rates: [50_000] }, 0);
  const rows: Row[] = [];
  const highest = new Map<string, Highest[]>();
  for (let round = 1; round <= options.rounds && Date.now() < rig.deadline; round++) {
    for (const peer of peers) {
      const done = await turn(peer, rig, options, round);
      rows.push(...done.rows);
      if (done.highest !== undefined) highest.set(peer.name, [...(highest.get(peer.name) ?? []), done.highest]);
    }
  }
  const cells = summarise(rows);
  const others = peers.filter((peer) => peer.name !== 'waycast').map((peer) => peer.name);
  const ratios = peers.some((peer) => peer.name === 'waycast') ? others.map((to) => ratio('waycast', to, cells, highest)) : [];
  console.log(`\nAt fixed rates, medians of the rounds:\n${fixedTable(cells)}`);
  if (limit?.highest !== undefined) console.log(`\nThe generator itself, against a relay in C: ${limit.highest.rate}/s`);
  if (highest.size > 0) console.log(`\nHighest rate with p99 <= 50 ms and 99.9 % delivered:\n${highestTable(highest, cells)}`);
  if (ratios.length > 0) console.log(`\n${ratioLines(ratios)}`);
  console.log(`\nWhat each leaves out\n${doesNotLines(peers)}`);
  mkdirSync(options.out, { recursive: true });
  const file = resolve(options.out, `row2-${started.toISOString().replaceAll(':', '').slice(0, 17)}.json`);
  const report = {
    started,
    machine,
    options,
    generator: rig.generator === undefined ? 'node' : 'c',
    ceiling: limit,
    cells,
    highest: Object.fromEntries(highest),
    ratios,
    rows,
    doesNot: Object.fromEntries(peers.map((peer) => [peer.name, peer.doesNot])),
  };
  writeFileSync(file, `${JSON.stringify(report, null, 1)}\n`);
  console.log(`\nsaved: ${file}`);
}

async function main(): Promise<void> {
  if (process.argv[2] === 'nearby') return nearby(process.argv.slice(3));
  if (process.argv[2] === 'delivery') return delivery(process.argv.slice(3));
  if (process.argv[2] === 'fleet') return fleet(process.argv.slice(3));
  if (process.argv[2] === 'cluster') return cluster(process.argv.slice(3));
  if (process.argv[2] === 'archive') return archive(process.argv.slice(3));
  if (process.argv[2] === 'persistence') return persistence(process.argv.slice(3));
  const options = readOptions(process.argv.slice(2));
  if (options === undefined) return console.log(HELP);
  if (process.platform !== 'linux') throw new Error('the bench reads /proc and pins cores: it runs on Linux only');
  const cores = chooseCores();
  if (cores.pinned) moveTo(cores.generator);
  else console.log('WARNING: fewer than two cores, or no taskset: server and generator share what there is, and the figures say little');
  const scratch = mkdtempSync(join(resolve(options.scratch ?? diskFolder()), 'waycast-bench-'));
  process.on('exit', () => rmSync(scratch, { recursive: true, force: true }));
  const generator = options.generator === 'c' ? buildNative('generator', scratch) : undefined;
  if (generator === undefined)
    console.log('The generator is the one in Node (no gcc, or --generator node): expect "generator-bound" rows early');
  const rig = { cores, generator, scratch, drivers: options.drivers, deadline: Date.now() + options.maxMinutes * 60_000 };
  await (options.cpuProf ? profileRun(options, rig) : measure(options, rig));
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(1);
}
