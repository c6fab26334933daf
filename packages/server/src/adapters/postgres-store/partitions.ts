import type { OutboxEntry } from '../../core/effects.ts';
import type { TakenPartition } from '../../hub/storage-ports.ts';
import type { Primary } from './primary.ts';

/** Who owns partitions, and what there is to do in them. */
export class Partitions {
  readonly #primary: Primary;
  readonly #process: number;

  constructor(primary: Primary, process: number) {
    this.#primary = primary;
    this.#process = process;
  }

  /** A commit of the owner before that is under way ends first; the next one fails. */
  async take(partitions: readonly number[]): Promise<TakenPartition[]> {
    const taken = await this.#primary.transaction(async (client) => {
      const { rows } = await client.query<TakenPartition>(TAKE, [partitions, this.#process]);
      return new Map(rows.map((row) => [row.partition, row]));
    });
    return partitions.map((partition) => taken.get(partition) as TakenPartition);
  }

  async still(partitions: readonly number[]): Promise<TakenPartition[]> {
    return await this.#primary.rows<TakenPartition>(
      `SELECT partition, position, greatest(deaths - 1, 0) AS deaths FROM partition_cursor
       WHERE partition = ANY ($1::smallint[]) AND owner = $2 ORDER BY partition`,
      [partitions, this.#process],
    );
  }

  async release(partitions: readonly number[]): Promise<void> {
    await this.#primary.transaction((client) => client.query(RELEASE, [partitions, this.#process]));
  }

  async tried(partition: number, position: number): Promise<number> {
    return await this.#primary.transaction(async (client) => {
      const { rows } = await client.query<{ tries: number }>(TRIED, [partition, position]);
      return rows[0]?.tries ?? 1;
    });
  }

  async waiting(partitions: readonly number[]): Promise<OutboxEntry[]> {
    const rows = await this.#primary.rows<{ doc: OutboxEntry }>(
      'SELECT doc FROM outbox WHERE partition = ANY ($1::smallint[]) ORDER BY n',
      [partitions],
    );
    return rows.map(({ doc }) => doc);
  }

  async awake(partitions: readonly number[]): Promise<string[]> {
    const rows = await this.#primary.rows<{ id: string }>(AWAKE, [partitions]);
    return rows.map(({ id }) => id);
  }
}

/**
 * Whose trips have an end is told by the trips themselves: programs from before that was asked keep them as well [P13].
 * They are found first, by their index.
 */
const AWAKE = `WITH ending AS MATERIALIZED (SELECT DISTINCT driver_id AS id FROM trip_tracking WHERE open AND doc ->> 'expiresAt' IS NOT NULL)
  SELECT d.id FROM driver_snapshot s JOIN driver d ON d.n = s.driver WHERE s.online AND s.partition = ANY ($1::smallint[])
  UNION
  SELECT d.id FROM ending e JOIN driver d ON d.id = e.id JOIN driver_snapshot s ON s.driver = d.n AND s.partition = ANY ($1::smallint[])`;
/** Every owner counts as one that went without a word, until it moves the cursor or releases. */
const TAKE = `UPDATE partition_cursor
  SET owner = $2, deaths = CASE WHEN owner = $2 THEN greatest(deaths, 1) ELSE deaths + 1 END
  WHERE partition = ANY ($1::smallint[]) RETURNING partition, position, deaths - 1 AS deaths`;
const RELEASE = `UPDATE partition_cursor SET owner = NULL, deaths = 0
  WHERE partition IN (SELECT partition FROM partition_cursor WHERE partition = ANY ($1::smallint[]) AND owner = $2 ORDER BY partition FOR UPDATE)`;
const TRIED = `UPDATE partition_cursor SET trying = $2, tries = CASE WHEN trying = $2 THEN tries + 1 ELSE 1 END
  WHERE partition = $1 RETURNING tries`;
