import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { pathToFileURL } from 'node:url';

/**
 * Run by inspect.ts, which may end it at any moment: each thing it finds is a line of its own, the slowest last.
 */
function say(findings: object): void {
  process.stdout.write(`${JSON.stringify(findings)}\n`);
}

/** Without a write-ahead log nobody has it open: then it is read as a file at rest, which makes no files beside it. */
function openUntouched(path: string): DatabaseSync {
  if (existsSync(`${path}-wal`)) return new DatabaseSync(path, { readOnly: true, timeout: 1_000 });
  const url = pathToFileURL(path);
  url.searchParams.set('immutable', '1');
  return new DatabaseSync(url, { readOnly: true });
}

function look(path: string): void {
  const db = openUntouched(path);
  const one = (text: string) => Object.values(db.prepare(text).get() ?? {})[0];
  say({ sqlite: one('SELECT sqlite_version()') });
  say({ schema: one('PRAGMA user_version') });
  const hasTable = one(`SELECT count(*) FROM sqlite_schema WHERE name = 'set_aside'`) === 1;
  say({ setAside: hasTable ? one('SELECT count(*) FROM set_aside') : null });
  say({ integrity: one('PRAGMA quick_check(1)') });
  db.close();
}

try {
  look(process.argv[2] ?? '');
} catch (error) {
  say({ problem: (error as Error).message });
}
