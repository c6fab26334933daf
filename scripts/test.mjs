// `npm test`: sets up what is missing, then types, lint and every test. Arguments go to the test runner.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { outsidePrograms } from './outside-programs.mjs';
import { buildDashboard, environment, install, ROOT, runtime, say } from './setup.mjs';

/** One step by its name; what fails ends the run. */
function step(name, bin, args, env) {
  say(name);
  const { status } = spawnSync(node, [join(ROOT, 'node_modules', ...bin), ...args], { cwd: ROOT, env, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

install();
const node = runtime();
const env = { ...environment(node), CHROMIUM_PATH: outsidePrograms() };
buildDashboard(node);
step('types', ['typescript', 'bin', 'tsc'], ['-p', '.'], env);
step('types of the dashboard', ['typescript', 'bin', 'tsc'], ['-p', 'packages/dashboard'], env);
step('lint', ['@biomejs', 'biome', 'bin', 'biome'], ['ci', '--error-on-warnings', '.'], env);
step('tests', ['vitest', 'vitest.mjs'], ['run', ...process.argv.slice(2)], env);
