import type { Client } from 'pg';

/** In the number space of advisory locks with one key. */
const MOST = 1_000_000;
const NUMBERING = 7_231_955_500_002n;

/** A number that no living process of this database has, for one that begins now. */
export async function nextProcess(client: Client): Promise<number> {
  // IF NOT EXISTS alone is no protection against another one that creates it at the same moment.
  await client.query(`SELECT pg_advisory_lock(${NUMBERING})`);
  try {
    await client.query('CREATE SEQUENCE IF NOT EXISTS process_number');
    const { rows } = await client.query<{ n: string | number }>(`SELECT nextval('process_number') AS n`);
    // Numbers of answers are made of it, and have to fit: see hub/home.ts.
    return ((Number(rows[0]?.n) - 1) % MOST) + 1;
  } finally {
    await client.query(`SELECT pg_advisory_unlock(${NUMBERING})`);
  }
}

/** Every connection of a process bears its name, whatever the address says: when the process is taken for dead all of them are ended. */
export function named(process: number): string {
  return `SET application_name = 'waycast ${process}'`;
}
