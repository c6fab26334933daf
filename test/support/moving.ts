import { spawn } from 'node:child_process';
import { once } from 'node:events';
import pg from 'pg';
import { CLI } from './cli.ts';
import { asDatabase } from './services/as-database.ts';
import { until } from './until.ts';
import { type Ended, waycast } from './waycast.ts';

const argsOf = (dataDir: string, url: string) => ['move-data', '--data-dir', dataDir, '--database-url', url];

export function moveData(dataDir: string, url: string, ...more: string[]): Promise<Ended> {
  return waycast([...argsOf(dataDir, url), ...more]);
}

/** Begins to move, with something of the other database locked, and is there while it waits for that; then it dies by SIGKILL. */
export async function killWaiting(
  dataDir: string,
  url: string,
  lock: string,
  meanwhile: () => Promise<void> = async () => undefined,
): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(`BEGIN; ${lock}`);
    const child = spawn(process.execPath, [CLI, ...argsOf(dataDir, url)], {
      env: { PATH: process.env.PATH },
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
    const exited = once(child, 'exit');
    await until(
      async () => {
        if (child.exitCode !== null) throw new Error(`it ended:\n${said}`);
        return await asDatabase(url, WAITING);
      },
      (waiting) => waiting.length > 0,
    );
    await meanwhile();
    child.kill('SIGKILL');
    await exited;
  } finally {
    await client.query('ROLLBACK');
    await client.end();
  }
}

const WAITING = `SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'waycast move-data' AND wait_event_type = 'Lock'`;

/** The rows of every table of Waycast, as digests; of tables that say who serves, and how old the schema is, none. */
export async function digests(url: string): Promise<ReadonlyMap<string, string>> {
  const tables = await asDatabase<{ name: string }>(
    url,
    `SELECT relname AS name FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p') AND NOT relispartition
       AND relname NOT IN ('process', 'schema_version', 'spatial_ref_sys') ORDER BY 1`,
  );
  const found = new Map<string, string>();
  for (const { name } of tables) {
    const [row] = await asDatabase<{ digest: string }>(
      url,
      `SELECT count(*) || ' rows ' || coalesce(md5(string_agg(t::text, '|' ORDER BY t::text)), '') AS digest FROM ${name} t`,
    );
    found.set(name, row?.digest ?? '');
  }
  return found;
}
