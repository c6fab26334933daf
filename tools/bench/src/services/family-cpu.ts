import { readdirSync, readFileSync } from 'node:fs';

/** Linux counts in ticks of 10 ms, on every machine Node runs on. */
const TICKS_PER_SECOND = 100;

/** CPU seconds of a process and its children so far, those that have ended included. */
export function familyCpu(pid: number): number {
  let ticks = 0;
  for (const entry of readdirSync('/proc')) {
    if (!/^\d+$/.test(entry)) continue;
    let stat: string;
    try {
      stat = readFileSync(`/proc/${entry}/stat`, 'utf8');
    } catch {
      // it ended meanwhile
      continue;
    }
    const fields = stat
      .slice(stat.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const [parent, user = 0, system = 0, endedUser = 0, endedSystem = 0] = [fields[1], ...fields.slice(11, 15)];
    if (Number(entry) === pid) ticks += user + system + endedUser + endedSystem;
    else if (parent === pid) ticks += user + system;
  }
  return ticks / TICKS_PER_SECOND;
}

/** CPU seconds of this process so far, without those it has started. */
export function ownCpu(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1e6;
}
