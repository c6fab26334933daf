// What the tests need beside npm's packages: a browser, Redis, PostgreSQL with PostGIS, nginx, and what
// checks the files in deploy. Installed on Debian as root; found elsewhere.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fail, must, ROOT, say } from './setup.mjs';

const APT = '/usr/bin/apt-get';
const POLICY = '/usr/sbin/policy-rc.d';
const CLUSTERS = '/etc/postgresql';
const VERSIONS = '/usr/lib/postgresql';
const SWIFT = '/usr/lib/python3/dist-packages/swift';
const BROWSERS = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome'];

/** Each: how it is found, the Debian packages that bring it, what to say where they cannot be installed. */
const PROGRAMS = [
  { name: 'Chromium', found: () => browser() !== undefined, packages: ['chromium'], hint: 'Chromium (or set CHROMIUM_PATH)' },
  {
    name: 'Redis',
    found: () => Boolean(process.env.REDIS_URL) || (onPath('redis-server') && onPath('redis-cli')),
    packages: ['redis-server'],
    hint: 'Redis 7 or later (or set REDIS_URL)',
  },
  {
    name: 'PostgreSQL',
    found: () => Boolean(process.env.DATABASE_URL) || hasPostgres(),
    packages: ['postgresql', 'postgresql-postgis'],
    hint: 'PostgreSQL 15 or later with PostGIS 3 (or set DATABASE_URL)',
  },
  { name: 'nginx', found: () => onPath('nginx'), packages: ['nginx-light'], hint: 'nginx' },
  { name: 'promtool', found: () => onPath('promtool'), packages: ['prometheus'], hint: 'promtool, which comes with Prometheus' },
  {
    name: 'Swift',
    found: () => existsSync(join(SWIFT, 'obj', 'mem_server.py')),
    packages: ['python3-swift'],
    hint: "Swift, Debian's python3-swift, as a store that speaks S3",
  },
  { name: 'kubectl', found: () => onPath('kubectl'), packages: ['kubernetes-client'], hint: 'kubectl 1.20 or later' },
];

/** Sees to it that everything is there, or ends with what to install; answers where the browser is. */
export function outsidePrograms() {
  const missing = PROGRAMS.filter(({ found }) => !found());
  if (missing.length > 0) {
    const hints = missing.map(({ hint }) => hint).join(', ');
    if (process.getuid?.() !== 0 || !existsSync(APT)) fail(`the tests need ${hints}: install it and try again`);
    say(`installing ${missing.map(({ name }) => name).join(', ')} (once)`);
    installQuietly(missing.flatMap(({ packages }) => packages));
    const still = missing.filter(({ found }) => !found());
    if (still.length > 0) fail(`still not there after installing: ${still.map(({ hint }) => hint).join(', ')}`);
  }
  return browser();
}

/** Debian starts what it installs, and makes a PostgreSQL cluster of its own: here nothing is to run, and nothing to stay. */
function installQuietly(packages) {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const hadPolicy = existsSync(POLICY);
  const before = new Set(clusters());
  if (!hadPolicy) writeFileSync(POLICY, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  const remove = () => {
    if (!hadPolicy) rmSync(POLICY, { force: true });
  };
  // Also when a step below ends the program.
  process.once('exit', remove);
  must(APT, ['update', '-qq'], ROOT, env);
  must(APT, ['install', '-y', '-qq', '--no-install-recommends', ...packages], ROOT, env);
  for (const cluster of clusters()) if (!before.has(cluster)) must('pg_dropcluster', ['--stop', ...cluster.split('/')], ROOT, env);
  process.off('exit', remove);
  remove();
}

function browser() {
  return process.env.CHROMIUM_PATH ?? BROWSERS.find((path) => existsSync(path));
}

/** As `version/name`. */
function clusters() {
  return childrenOf(CLUSTERS).flatMap((version) => childrenOf(join(CLUSTERS, version)).map((name) => `${version}/${name}`));
}

function hasPostgres() {
  const installed = childrenOf(VERSIONS).filter((version) => existsSync(join(VERSIONS, version, 'bin', 'postgres')));
  // The tests take the newest.
  const newest = installed.sort((a, b) => Number(b) - Number(a))[0];
  if (newest !== undefined) return Number(newest) >= 15 && hasPostgis(`/usr/share/postgresql/${newest}`);
  const { status, stdout } = spawnSync('pg_config', ['--sharedir'], { encoding: 'utf8' });
  return status === 0 && onPath('postgres') && hasPostgis(stdout.trim());
}

function hasPostgis(share) {
  return existsSync(join(share, 'extension', 'postgis.control'));
}

/** Where Debian keeps daemons is on no user's path. */
function onPath(name) {
  return [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin'].some((folder) => existsSync(join(folder, name)));
}

function childrenOf(folder) {
  return existsSync(folder) ? readdirSync(folder) : [];
}
