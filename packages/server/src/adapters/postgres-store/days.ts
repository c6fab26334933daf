import type { Client } from 'pg';

const DAY_MS = 86_400_000;
/** Days made ahead [P10]. */
const AHEAD = 7;
/** Whoever holds it makes partitions; in the number space of advisory locks with one key. */
const MAKING = 7_231_955_500_003n;

/** The partitions of location_history, one for each UTC day of receipt. */
export class Days {
  /** Days since 1970 that are known to be there. */
  #known = new Set<number>();

  /** Makes the partitions of these moments, epoch ms, unless they are there. Not inside a transaction. */
  async ensure(client: Client, moments: Iterable<number>): Promise<void> {
    const missing = new Set<number>();
    for (const moment of moments) {
      const day = Math.floor(moment / DAY_MS);
      if (!this.#known.has(day)) missing.add(day);
    }
    if (missing.size === 0) return;
    const there = await partitionsThere(client);
    for (const day of missing) {
      if (!there.has(nameOf(day))) await make(client, day);
      this.#known.add(day);
    }
  }

  /** Makes today's and a week's ahead. */
  async ahead(client: Client, now: number): Promise<void> {
    await this.ensure(
      client,
      Array.from({ length: AHEAD + 1 }, (_, n) => now + n * DAY_MS),
    );
  }

  /** Somebody dropped some. */
  forget(): void {
    this.#known = new Set();
  }
}

export async function partitionsThere(client: Client): Promise<Set<string>> {
  return new Set(await daysOfHistory(client));
}

/** The partitions of location_history by their names. */
export async function daysOfHistory(client: Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>(
    `SELECT c.relname AS name FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid WHERE i.inhparent = 'location_history'::regclass`,
  );
  return rows.map(({ name }) => name);
}

/** For how many days from the one of `now` on, epoch ms, there are partitions without a gap: 8 where all is well; null before the first one. */
export async function daysThere(client: Client, now: number): Promise<number | null> {
  const there = await partitionsThere(client);
  if (there.size === 0) return null;
  const today = Math.floor(now / DAY_MS);
  let days = 0;
  while (there.has(nameOf(today + days))) days++;
  return days;
}

/** Beside the others and then attached: that holds up neither those who write nor those who read. */
async function make(client: Client, day: number): Promise<void> {
  const name = nameOf(day);
  await client.query(`BEGIN; SELECT pg_advisory_xact_lock(${MAKING})`);
  try {
    const { rows } = await client.query<{ attached: boolean }>(
      `SELECT EXISTS (SELECT 1 FROM pg_inherits WHERE inhrelid = to_regclass($1)) AS attached`,
      [name],
    );
    if (rows[0]?.attached !== true) {
      await client.query(`CREATE TABLE IF NOT EXISTS ${name} (LIKE location_history INCLUDING DEFAULTS)`);
      await attach(client, day);
    }
    await client.query('COMMIT');
  } catch (error) {
    await client.query('ROLLBACK').catch(() => undefined);
    throw error;
  }
}

/** Makes the table of a day part of history. */
async function attach(client: Client, day: number): Promise<void> {
  await client.query(
    `ALTER TABLE location_history ATTACH PARTITION ${nameOf(day)} FOR VALUES FROM (${day * DAY_MS}) TO (${(day + 1) * DAY_MS})`,
  );
}

/** `location_history_20260105`; before the year 0 or after 9999 by the number of the day. */
export function nameOf(day: number): string {
  const iso = new Date(day * DAY_MS).toISOString();
  return `location_history_${/^\d{4}-/.test(iso) ? iso.slice(0, 10).replaceAll('-', '') : `day_${day}`.replace('-', 'minus_')}`;
}

/** The day a partition is for, by its name; undefined for what is none. */
export function dayOf(name: string): number | undefined {
  const [, minus, number, year, month, date] = /^location_history_(?:day_(minus_)?(\d+)|(\d{4})(\d{2})(\d{2}))$/.exec(name) ?? [];
  if (number !== undefined) return (minus === undefined ? 1 : -1) * Number(number);
  return year === undefined ? undefined : Date.UTC(Number(year), Number(month) - 1, Number(date)) / DAY_MS;
}
