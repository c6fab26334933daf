import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { CLI } from '../cli.ts';
import { type Postgres, startPostgres, withClient } from '../services/postgres.ts';

/** A history that was made for the embedded database, in PostgreSQL. */
export interface MovedHistory {
  readonly postgres: Postgres;
  readonly url: string;
  /** Indexes included. */
  readonly bytesPerFix: number;
}

/** As an operator would, by `waycast move-data`. `scratch` is a folder on a disk. */
export async function moveHistory(scratch: string, dataDir: string): Promise<MovedHistory> {
  const postgres = await startPostgres(scratch);
  try {
    const url = await postgres.newDatabase();
    const args = [CLI, 'move-data', '--data-dir', dataDir, '--database-url', url];
    // Not synchronously: PostgreSQL, whose log this process reads, would in the end wait for it.
    await promisify(execFile)(process.execPath, args);
    const bytesPerFix = await withClient(url, async (client) => {
      await client.query('VACUUM ANALYZE');
      await client.query('CHECKPOINT');
      const { rows } = await client.query<{ bytes: number }>(
        `SELECT sum(pg_total_relation_size(inhrelid))::float8 / (SELECT count(*) FROM location_history) AS bytes
         FROM pg_inherits WHERE inhparent = 'location_history'::regclass`,
      );
      return rows[0]?.bytes ?? Number.NaN;
    });
    return { postgres, url, bytesPerFix };
  } catch (error) {
    await postgres.stop();
    throw error;
  }
}
