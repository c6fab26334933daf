// `npm run test:crash -- --rounds 50`: the rounds of test/crash.test.ts, as many as wanted. `--seed N` begins them alike again.
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { environment, fail, install, ROOT, runtime } from './setup.mjs';

function wanted() {
  try {
    return parseArgs({ options: { rounds: { type: 'string', default: '50' }, seed: { type: 'string' } } }).values;
  } catch (error) {
    return fail(error.message);
  }
}

const { rounds, seed } = wanted();
for (const [name, value] of Object.entries({ rounds, seed })) {
  if (value !== undefined && !/^[1-9]\d{0,5}$/.test(value)) fail(`--${name} takes a whole number above 0, not ${value}`);
}
install();
const node = runtime();
const env = { ...environment(node), CRASH_ROUNDS: rounds, ...(seed && { CRASH_SEED: seed }) };
const args = [
  join(ROOT, 'node_modules', 'vitest', 'vitest.mjs'),
  'run',
  'test/crash.test.ts',
  '-t',
  'rounds:',
  '--disable-console-intercept',
];
const { status } = spawnSync(node, args, { cwd: ROOT, env, stdio: 'inherit' });
process.exit(status ?? 1);
