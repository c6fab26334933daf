import { spawnSync } from 'node:child_process';
import { statfsSync } from 'node:fs';
import { cpus, loadavg, release, tmpdir, totalmem } from 'node:os';
import type { Cores } from './cores.ts';

export interface Machine {
  cpu: string;
  cores: number;
  memoryGb: number;
  kernel: string;
  node: string;
  gcc: string | null;
  load: number[];
  serverCore: number;
  generatorCore: number;
  pinned: boolean;
  scratch: string;
  scratchInMemory: boolean;
}

const IN_MEMORY = new Set([0x0102_1994, 0x8584_58f6]); // tmpfs, ramfs: fsync costs nothing there, and the figures would flatter

export function inMemory(folder: string): boolean {
  return IN_MEMORY.has(statfsSync(folder).type);
}

/** The system's temporary folder, or where we stand when that is in memory. */
export function diskFolder(): string {
  return inMemory(tmpdir()) ? process.cwd() : tmpdir();
}

export function machineFacts(cores: Cores, scratch: string): Machine {
  const gcc = spawnSync('gcc', ['-dumpfullversion'], { encoding: 'utf8' });
  return {
    cpu: cpus()[0]?.model ?? 'unknown',
    cores: cpus().length,
    memoryGb: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    node: process.version,
    gcc: gcc.error === undefined ? gcc.stdout.trim() : null,
    load: loadavg().map((value) => Number(value.toFixed(2))),
    serverCore: cores.server,
    generatorCore: cores.generator,
    pinned: cores.pinned,
    scratch,
    scratchInMemory: inMemory(scratch),
  };
}
