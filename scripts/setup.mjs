// Brings a fresh clone to where it can run: dependencies, a Node that is new enough, the dashboard; the server: build-server.mjs.
// Plain JavaScript for Node 20, with nothing but what Node brings: it runs before anything is installed.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));
const NEEDED = 24;
/** What was installed last. */
export const INSTALLED = join(ROOT, 'node_modules', '.waycast-installed');
const DASHBOARD = join(ROOT, 'packages', 'dashboard');
const DASHBOARD_BUILT = join(DASHBOARD, 'dist', '.built-from');

/** Installs what the lock file lists, when it is not there yet. */
export function install() {
  const wanted = hash([join(ROOT, 'package-lock.json')]);
  if (existsSync(INSTALLED) && readFileSync(INSTALLED, 'utf8') === wanted) return;
  say('installing dependencies (once)');
  const npm = process.env.npm_execpath;
  const args = ['ci', '--no-audit', '--no-fund', '--loglevel=error'];
  if (npm) must(process.execPath, [npm, ...args]);
  else must('npm', args);
  writeFileSync(INSTALLED, wanted);
}

/** A Node of version 24 or later: the one running, or the one pinned in package.json. */
export function runtime() {
  if (Number(process.versions.node.split('.')[0]) >= NEEDED) return process.execPath;
  const pinned = join(ROOT, 'node_modules', '.bin', process.platform === 'win32' ? 'node.cmd' : 'node');
  if (existsSync(pinned)) return pinned;
  fail(
    `Waycast runs on Node ${NEEDED} or later, and npm has none for ${process.platform}-${process.arch}: install Node ${NEEDED} and try again`,
  );
}

/**
 * How V8 is set for a server on a small machine: a young generation whose collection is a pause of some ms (with a hundred
 * thousand drivers 64 MB took 50); one helper thread beside the one that marks: with none, marking held the server up for
 * a quarter of a second now and then; more take their time from the only thread that serves; and nothing allocated as old from
 * the start because its like once lived long: under load that is what is gone a moment later, and brings the collection of everything.
 */
export const V8_OPTIONS = ['--max-semi-space-size=16', '--v8-pool-size=2', '--no-allocation-site-pretenuring'];

/** Builds the dashboard, when its sources have changed since. */
export function buildDashboard(node) {
  const sources = ['dashboard/src', 'client/src', 'protocol/src'].flatMap((folder) => filesIn(join(ROOT, 'packages', folder)));
  const wanted = hash([...sources, join(DASHBOARD, 'index.html'), join(DASHBOARD, 'vite.config.ts'), join(ROOT, 'package-lock.json')]);
  if (existsSync(DASHBOARD_BUILT) && readFileSync(DASHBOARD_BUILT, 'utf8') === wanted) return;
  say('building the dashboard (once)');
  must(node, [join(ROOT, 'node_modules', 'vite', 'bin', 'vite.js'), 'build', '--logLevel', 'warn'], DASHBOARD);
  mkdirSync(dirname(DASHBOARD_BUILT), { recursive: true });
  writeFileSync(DASHBOARD_BUILT, wanted);
}

/** The environment in which `node` is the one that is new enough, for whatever is started from here. */
export function environment(node) {
  return { ...process.env, PATH: [dirname(node), join(ROOT, 'node_modules', '.bin'), process.env.PATH].join(delimiter) };
}

export function say(text) {
  process.stderr.write(`waycast: ${text}\n`);
}

export function fail(text) {
  say(text);
  process.exit(1);
}

/** Runs a step to its end, or ends with its failure. What setting up says is no part of what was asked for, and goes to stderr. */
export function must(command, args, cwd = ROOT, env = process.env, stdout = 2) {
  const { status, error } = spawnSync(command, args, { cwd, env, stdio: ['inherit', stdout, 2] });
  if (error) fail(`${command} could not be started (${error.message})`);
  if (status !== 0) process.exit(status ?? 1);
}

export function filesIn(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath ?? entry.path, entry.name))
    .sort();
}

export function hash(files) {
  const sum = createHash('sha256');
  for (const file of files) if (existsSync(file)) sum.update(file.slice(ROOT.length)).update(readFileSync(file));
  return sum.digest('hex');
}
