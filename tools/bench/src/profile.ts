import { readdirSync, readFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';

interface ProfileNode {
  id: number;
  callFrame: { functionName: string; url: string; lineNumber: number };
}

/** What `node --cpu-prof` writes. */
interface Profile {
  nodes: ProfileNode[];
  samples: number[];
  timeDeltas: number[];
}

interface Entry {
  name: string;
  ms: number;
}

const ROOT = fileURLToPath(new URL('../../../', import.meta.url));

function place({ functionName, url, lineNumber }: ProfileNode['callFrame']): string {
  const name = functionName || '(anonymous)';
  if (url === '') return name;
  const path = url.startsWith('file://') ? relative(ROOT, fileURLToPath(url)) : url;
  return `${name}  ${path}:${lineNumber + 1}`;
}

function selfTimes(profile: Profile): Entry[] {
  const names = new Map(profile.nodes.map((node) => [node.id, place(node.callFrame)]));
  const times = new Map<string, number>();
  profile.samples.forEach((id, i) => {
    const name = names.get(id) ?? '?';
    times.set(name, (times.get(name) ?? 0) + (profile.timeDeltas[i] ?? 0) / 1000);
  });
  return [...times].map(([name, ms]) => ({ name, ms })).sort((a, b) => b.ms - a.ms);
}

/** The functions that took most time themselves, of each thread whose profile lies in `folder`, the busiest thread first. */
export function profileReport(folder: string, top = 25): string {
  const threads = readdirSync(folder)
    .filter((file) => file.endsWith('.cpuprofile'))
    .map((file) => {
      const entries = selfTimes(JSON.parse(readFileSync(join(folder, file), 'utf8')) as Profile);
      const busy = entries.filter((entry) => entry.name !== '(idle)').reduce((sum, entry) => sum + entry.ms, 0);
      return { entries, busy };
    })
    .sort((a, b) => b.busy - a.busy);
  if (threads.length === 0) return 'no profile was written: the server did not end by itself';
  return threads
    .map(({ entries, busy }, index) => {
      const lines = entries
        .filter((entry) => entry.name !== '(idle)')
        .slice(0, top)
        .map((entry) => `${((entry.ms / busy) * 100).toFixed(1).padStart(5)} %  ${entry.ms.toFixed(0).padStart(6)} ms  ${entry.name}`);
      return `thread ${index + 1}: ${(busy / 1000).toFixed(1)} s busy\n${lines.join('\n')}`;
    })
    .join('\n\n');
}
