// `npm run test:scale`: every dialect test again on two processes behind nginx, with Redis and PostgreSQL, then the long campaign,
// then an operator's day. `npm run test:scale -- day`: that part alone; `dialects`, `campaign` likewise.
// `--shape postgres`: one process on PostgreSQL instead, the dialects alone. Other arguments go to the test runner.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { outsidePrograms } from './outside-programs.mjs';
import { buildDashboard, environment, fail, install, ROOT, runtime, say } from './setup.mjs';

const DIALECTS = /^(rideshare|delivery|fleet|hybrid|dialects|stream|texts|persons|party|rest)[a-z-]*\.test\.ts$/;

const OWN_LIMITS = 'what is limited by time each process limits for itself [P1]';
const OWN_FIGURES = 'each process tells its own figures';
const EMBEDDED_ONLY = 'that the store still finds by a booking that does not count';
const NGINX_REFUSES = 'nginx itself refuses paths that cannot be decoded';

/** Files that make no sense on several processes. */
const FILES_LEFT_OUT = {
  'delivery-pace.test.ts': OWN_LIMITS,
  'rest-limits.test.ts': OWN_LIMITS,
};

/** Tests, by what their titles contain, that make no sense on several processes. */
const TESTS_LEFT_OUT = {
  'calls are counted by address without a token': OWN_LIMITS,
  'positions too fast are 429 with Retry-After': OWN_LIMITS,
  'with RIDESHARE_PUBLIC_STATUS, an unknown ride 404, and calls are counted': OWN_LIMITS,
  'are limited to ten at once': OWN_LIMITS,
  'over the limit REST answers 429 with Retry-After': OWN_LIMITS,
  'nearer than 5 s, beyond the burst, are rate_limited': OWN_LIMITS,
  'is for that rider, merchants and superadmins; 404 without a session': NGINX_REFUSES,
  'is 404 for what is no session: unknown, a ride, no order': NGINX_REFUSES,
  'answers a problem, never a 5xx, for an id like %': NGINX_REFUSES,
  [EMBEDDED_ONLY]: 'it writes into the embedded database',
  'with bookings that cannot be used goes on for the others; the log says which, once': 'each process has its own log',
  'that takes nothing for a while gets every event and the newest position then': 'nginx holds much of what a client does not take',
  'is given the newest position and every update once it reads again': 'nginx holds much of what a client does not take',
  'says draining with a time each, refuses newcomers':
    'nginx takes the good-bye for a client that does not, so that the door shuts at once',
  'answer without a token: health, live, ready': 'it says that Redis is unused',
  'count the connections': OWN_FIGURES,
  'is for admins, and has the documented names': OWN_FIGURES,
  'GET /health has its five members, and counts these sockets': OWN_FIGURES,
  'has a port of its own when METRICS_PORT says so': 'two processes of one machine cannot have the same port',
};

/** Long tests, left out of `npm test`: where they are. */
const LONG = { campaign: 'test/scale/campaign', day: 'test/scale/operators-day.test.ts' };

const { values, positionals } = wanted();
const parts = positionals.filter((name) => name === 'dialects' || name in LONG);
const others = positionals.filter((name) => !parts.includes(name));
const isWanted = (part) => parts.length === 0 || parts.includes(part);

function wanted() {
  try {
    return parseArgs({ options: { shape: { type: 'string', default: 'cluster' } }, allowPositionals: true });
  } catch (error) {
    return fail(error.message);
  }
}

/** A pattern for the test runner that leaves these titles out. */
function allBut(titles) {
  const escaped = titles.map((title) => title.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'));
  return `^(?!.*(?:${escaped.join('|')}))`;
}

function run(name, args, env) {
  say(name);
  const { status } = spawnSync(node, [join(ROOT, 'node_modules', 'vitest', 'vitest.mjs'), 'run', ...args], {
    cwd: ROOT,
    env,
    stdio: 'inherit',
  });
  return status === 0;
}

if (!['cluster', 'postgres'].includes(values.shape)) fail(`--shape is cluster or postgres, not ${values.shape}`);
install();
const node = runtime();
const env = { ...environment(node), CHROMIUM_PATH: outsidePrograms() };
buildDashboard(node);
// One process on PostgreSQL is one process: of its tests only that one reads another database.
const several = values.shape === 'cluster';
if (!several && parts.some((part) => part in LONG)) fail(`--shape ${values.shape} has the dialects alone`);
const files = readdirSync(join(ROOT, 'test')).filter((name) => DIALECTS.test(name) && !(several && name in FILES_LEFT_OUT));
const left = several ? Object.keys(TESTS_LEFT_OUT) : [EMBEDDED_ONLY];
let passed = true;
if (isWanted('dialects')) {
  for (const what of left) say(`left out: ${what}: ${TESTS_LEFT_OUT[what]}`);
  if (several) for (const [what, why] of Object.entries(FILES_LEFT_OUT)) say(`left out: ${what}: ${why}`);
  const dialects = [...files.map((name) => `test/${name}`), '-t', allBut(left), '--no-file-parallelism', ...others];
  passed = run(`the dialects, ${values.shape}`, dialects, { ...env, WAYCAST_TEST_SHAPE: values.shape });
}
for (const [part, place] of several ? Object.entries(LONG) : [])
  if (isWanted(part))
    passed = run(`the ${part}`, [place, '--passWithNoTests', ...others], { ...env, WAYCAST_TEST_CAMPAIGN: 'yes' }) && passed;
process.exit(passed ? 0 : 1);
