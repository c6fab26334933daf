import { readdirSync, readFileSync } from 'node:fs';

/** Linux counts in ticks of 10 ms, on every machine Node runs on. */
const TICKS_PER_SECOND = 100;
/** the parent of all kernel threads */
const KTHREADD = 2;

/** CPU seconds so far, all threads of a process included. */
export interface Sample {
  /** ms, monotonic */
  at: number;
  server: number;
  /** bytes */
  serverRss: number;
  generator: number;
  /** this process */
  bench: number;
  /** the kernel's own threads: writing back to disk, soft interrupts */
  kernel: number;
  /** both cores together, by whomever */
  busy: number;
  /** what the hypervisor gave to other machines, of both cores */
  stolen: number;
}

function readStat(pid: number | string): { parent: number; cpu: number } {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return { parent: Number(fields[1]), cpu: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND };
}

function kernelThreads(): number {
  let sum = 0;
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    try {
      const { parent, cpu } = readStat(entry);
      if (parent === KTHREADD) sum += cpu;
    } catch {
      // it ended meanwhile
    }
  }
  return sum;
}

/** CPU seconds since boot, of these cores together. */
export function readCores(cores: number[]): { busy: number; stolen: number } {
  const stat = readFileSync('/proc/stat', 'utf8');
  const sum = { busy: 0, stolen: 0 };
  for (const core of new Set(cores)) {
    const line = new RegExp(`^cpu${core} (.*)$`, 'm').exec(stat)?.[1] ?? '';
    const [user = 0, nice = 0, system = 0, , , irq = 0, softirq = 0, steal = 0] = line.split(' ').map(Number);
    sum.busy += (user + nice + system + irq + softirq) / TICKS_PER_SECOND;
    sum.stolen += steal / TICKS_PER_SECOND;
  }
  return sum;
}

export function sample(server: number, generator: number, cores: number[]): Sample {
  const rss = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${server}/status`, 'utf8'))?.[1] ?? '0';
  const own = process.cpuUsage();
  return {
    at: performance.now(),
    server: readStat(server).cpu,
    serverRss: Number(rss) * 1024,
    generator: readStat(generator).cpu,
    bench: (own.user + own.system) / 1e6,
    kernel: kernelThreads(),
    ...readCores(cores),
  };
}
