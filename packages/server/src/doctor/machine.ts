import { VERSION } from '../version.ts';
import { type Check, check, type Finding, failed, notApplicable, ok, warning } from './check.ts';

const CHECK_MS = 4_000;
/** As package.json says: types are stripped by Node itself, and SQLite comes with it. */
const OLDEST_NODE = 24;
const FEW_DESCRIPTORS = 4_096;
/** What a process has open beside its sockets: files, threads, its connections to database and Redis. */
const NOT_SOCKETS = 200;

/** Versions, and what the system lets a process open. */
export function checkMachine(): Promise<Check>[] {
  return [
    check('machine', 'Waycast', CHECK_MS, () => ok(VERSION)),
    check('machine', 'Node', CHECK_MS, () => nodeVersion(process.versions.node)),
    check('machine', 'SQLite', CHECK_MS, () => ok(`${process.versions.sqlite ?? 'unknown'}, as it comes with Node`)),
    check('machine', 'descriptors', CHECK_MS, () => descriptors()),
  ];
}

export function nodeVersion(version: string): Finding {
  if (Number.parseInt(version, 10) >= OLDEST_NODE) return ok(version);
  return failed(
    `${version}, Waycast needs ${OLDEST_NODE} or newer`,
    'start it by npm start, which brings its own, or install a newer Node',
  );
}

function descriptors(): Finding {
  const { report } = process;
  // Otherwise it asks for the names of all peers.
  Object.assign(report, { excludeNetwork: true });
  const { userLimits } = report.getReport() as { userLimits?: { open_files?: { hard: number | string } } };
  // Node raises its own limit to the hard one.
  const hard = userLimits?.open_files?.hard;
  return hard === undefined ? notApplicable('this system has no such limit') : descriptorLimit(hard === 'unlimited' ? null : Number(hard));
}

/** @param limit of open files; null: there is none */
export function descriptorLimit(limit: number | null): Finding {
  if (limit === null) return ok('as many as wanted');
  const said = `${limit} open files, so at most about ${Math.max(0, limit - NOT_SOCKETS)} sockets in each process`;
  if (limit >= FEW_DESCRIPTORS) return ok(said);
  return warning(said, 'raise it: ulimit -n 65536, LimitNOFILE of systemd, or --ulimit nofile of Docker');
}
