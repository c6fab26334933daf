// `npm test`: sets up what is missing, then types, lint and every test. Arguments go to the test runner.
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { buildDashboard, environment, fail, install, must, ROOT, runtime, say } from './setup.mjs';

const BROWSERS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

function browser() {
  const given = process.env.CHROMIUM_PATH;
  const found = given ?? BROWSERS.find((path) => existsSync(path));
  if (found !== undefined) return found;
  const hint = "the browser tests need Chromium: install it ('apt-get install chromium' on Debian) or set CHROMIUM_PATH";
  if (process.getuid?.() !== 0 || !existsSync('/usr/bin/apt-get')) fail(hint);
  say('installing Chromium (once)');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  must('apt-get', ['update', '-qq'], ROOT, env);
  must('apt-get', ['install', '-y', '-qq', '--no-install-recommends', 'chromium'], ROOT, env);
  return BROWSERS.find((path) => existsSync(path)) ?? fail(hint);
}

/** One step by its name; what fails ends the run. */
function step(name, bin, args, env) {
  say(name);
  const { status } = spawnSync(node, [join(ROOT, 'node_modules', ...bin), ...args], { cwd: ROOT, env, stdio: 'inherit' });
  if (status !== 0) process.exit(status ?? 1);
}

install();
const node = runtime();
const env = { ...environment(node), CHROMIUM_PATH: browser() };
buildDashboard(node);
step('types', ['typescript', 'bin', 'tsc'], ['-p', '.'], env);
step('types of the dashboard', ['typescript', 'bin', 'tsc'], ['-p', 'packages/dashboard'], env);
step('lint', ['@biomejs', 'biome', 'bin', 'biome'], ['ci', '--error-on-warnings', '.'], env);
step('tests', ['vitest', 'vitest.mjs'], ['run', ...process.argv.slice(2)], env);
