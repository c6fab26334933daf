import { mkdtempSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import type { Options } from './options.ts';
import { waycast } from './peers/waycast-peer.ts';
import { profileReport } from './profile.ts';
import { rowLine } from './row.ts';
import { type Rig, Session } from './session.ts';

/** One window of Waycast under `--cpu-prof`. Warm-up and set-up are in the profile too; a longer `--seconds` hides them. */
export async function profileRun(options: Options, rig: Rig): Promise<void> {
  const folder = mkdtempSync(join(rig.scratch, 'profile-'));
  try {
    const session = await Session.open(waycast(options.server, ['--cpu-prof', `--cpu-prof-dir=${folder}`, '--cpu-prof-interval=500']), rig);
    try {
      const row = await session.run(options.profRate, { seconds: options.seconds, lead: 0.5, drain: 30 }, 1);
      console.log(`under the profiler, which costs time itself: ${rowLine(row)}\n`);
    } finally {
      await session.close();
    }
    console.log(profileReport(folder));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
