// Builds what runs: the server in a few files instead of two thousand.
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fail, filesIn, hash, INSTALLED, must, ROOT, say } from './setup.mjs';

const SERVER = join(ROOT, 'packages', 'server');
const BUNDLE = join(SERVER, 'bundle.ts');
const BUILT = join(SERVER, 'dist');
const STAMP = join(BUILT, '.built-from.json');
/** As cli.ts has it. */
const COMPILED = join(ROOT, 'node_modules', '.cache', 'node');
/** Whose sources are in it. */
const FROM = ['packages/server', 'packages/client', 'packages/protocol', 'tools/replay', 'tools/simulator'];
/** What nobody may write, whoever would like to. */
const REFUSED = new Set(['EACCES', 'EPERM', 'EROFS']);
const HOUR_MS = 3_600_000;
/** A server runs from what was built before until it is started anew, and begins threads now and then: that stays, and what was built lately. */
const LATELY_MS = 24 * HOUR_MS;

export const CLI = join(BUILT, 'cli.js');

/** Builds the server with this Node, unless it is there as its sources are now. */
export function buildServer(node) {
  const from = hash([...sources(), BUNDLE, INSTALLED]);
  const before = lastBuilt();
  if (before.from === from && before.files.every((name) => existsSync(join(BUILT, name)))) return;
  const fresh = freshFolder();
  if (fresh === null) {
    if (!existsSync(CLI)) fail(`the server has to be built first, by somebody who may write ${BUILT}: npm start -- --version`);
    say(`the server runs as it was built before, for its sources have changed and this user may not write ${BUILT}`);
    return;
  }
  say('building the server (once)');
  must(node, [BUNDLE, fresh]);
  const files = readdirSync(fresh);
  // Each one whole, the entry last: somebody may be starting it.
  for (const name of files.filter((one) => one !== basename(CLI))) renameSync(join(fresh, name), join(BUILT, name));
  renameSync(join(fresh, basename(CLI)), CLI);
  writeFileSync(join(fresh, basename(STAMP)), JSON.stringify({ from, files }));
  renameSync(join(fresh, basename(STAMP)), STAMP);
  rmSync(fresh, { recursive: true });
  clean(new Set([...before.files, ...files]));
  // What was compiled of the one before is five megabytes that nobody reads again.
  rmSync(COMPILED, { recursive: true, force: true });
}

function sources() {
  const ofCode = FROM.flatMap((folder) => filesIn(join(ROOT, folder, 'src'))).filter((path) => !path.endsWith('.test.ts'));
  return [...ofCode, ...FROM.map((folder) => join(ROOT, folder, 'package.json'))];
}

/** What cannot be read was not finished. */
function lastBuilt() {
  try {
    return JSON.parse(readFileSync(STAMP, 'utf8'));
  } catch {
    return { from: '', files: [] };
  }
}

/** Null where this user may not build. */
function freshFolder() {
  try {
    mkdirSync(BUILT, { recursive: true });
    return mkdtempSync(join(BUILT, 'new-'));
  } catch (error) {
    if (!REFUSED.has(error.code)) throw error;
    return null;
  }
}

/** Removes what is of no use to any server, and what was never finished. */
function clean(kept) {
  for (const name of readdirSync(BUILT)) {
    const age = Date.now() - (statSync(join(BUILT, name), { throwIfNoEntry: false })?.mtimeMs ?? Date.now());
    const isOld = name.startsWith('new-') ? age > HOUR_MS : name.endsWith('.js') && !kept.has(name) && age > LATELY_MS;
    if (isOld) rmSync(join(BUILT, name), { recursive: true, force: true });
  }
}
