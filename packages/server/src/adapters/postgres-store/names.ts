import type { Client } from 'pg';
import type { FixRow } from '../../core/effects.ts';

/** Drivers and streams come and go; the maps are only there to save look-ups. */
const REMEMBERED = 500_000;

/**
 * The numbers of drivers and of their streams. A number never changes, so what was committed once may be remembered until the
 * driver is erased, which only the owner of its partition can do.
 */
export class Names {
  readonly #drivers = new Map<string, number>();
  readonly #streams = new Map<string, number>();
  #isDoubtful = false;
  /** Given in a transaction that is not committed yet. */
  readonly #new: [map: Map<string, number>, key: string, n: number][] = [];

  /** Gives numbers to whatever has none yet. Inside a transaction. */
  async ensure(client: Client, drivers: Iterable<string>, rows: readonly FixRow[]): Promise<void> {
    if (this.#isDoubtful) this.forget();
    const missing = new Set<string>();
    for (const id of drivers) if (!this.#drivers.has(id)) missing.add(id);
    for (const { driverId } of rows) if (!this.#drivers.has(driverId)) missing.add(driverId);
    if (missing.size > 0) await this.#number(client, [...missing].sort());
    const streams = new Map<string, { driver: number; id: string }>();
    for (const { driverId, stream } of rows) {
      if (stream === null) continue;
      const driver = this.driver(driverId);
      const key = `${driver} ${stream}`;
      if (!this.#streams.has(key)) streams.set(key, { driver, id: stream });
    }
    if (streams.size > 0)
      await this.#numberStreams(
        client,
        [...streams.keys()].sort().map((key) => streams.get(key) as never),
      );
  }

  driver(id: string): number {
    const n = this.#drivers.get(id);
    if (n === undefined) throw new Error(`driver ${id} has no number`);
    return n;
  }

  /** 0 for none. */
  stream(driver: number, id: string | null): number {
    return id === null ? 0 : (this.#streams.get(`${driver} ${id}`) as number);
  }

  committed(): void {
    this.#new.length = 0;
    for (const map of [this.#drivers, this.#streams]) if (map.size > REMEMBERED) map.clear();
  }

  /** Others may have erased drivers: at the next commit all are asked for again, not amid one that is under way. */
  doubt(): void {
    this.#isDoubtful = true;
  }

  /** Who comes under these ids from now on has other numbers. */
  erased(ids: Iterable<string>): void {
    for (const id of ids) this.#drivers.delete(id);
  }

  /** Another server may answer now, which does not have the last of them: they are asked for again. */
  forget(): void {
    this.#drivers.clear();
    this.#streams.clear();
    this.#new.length = 0;
    this.#isDoubtful = false;
  }

  /** Numbers given in a transaction that failed may be given again to somebody else. */
  rolledBack(): void {
    for (const [map, key] of this.#new.splice(0)) map.delete(key);
  }

  async #number(client: Client, ids: readonly string[]): Promise<void> {
    await client.query(
      `INSERT INTO driver (id) SELECT id FROM unnest($1::text[]) AS g (id)
       WHERE NOT EXISTS (SELECT 1 FROM driver d WHERE d.id = g.id) ORDER BY id ON CONFLICT DO NOTHING`,
      [ids],
    );
    const { rows } = await client.query<{ n: number; id: string }>('SELECT n, id FROM driver WHERE id = ANY ($1::text[])', [ids]);
    for (const { n, id } of rows) this.#remember(this.#drivers, id, n);
  }

  async #numberStreams(client: Client, streams: readonly { driver: number; id: string }[]): Promise<void> {
    const values = [streams.map(({ driver }) => driver), streams.map(({ id }) => id)];
    await client.query(
      `INSERT INTO stream (driver, id) SELECT driver, id FROM unnest($1::int[], $2::text[]) AS g (driver, id)
       WHERE NOT EXISTS (SELECT 1 FROM stream s WHERE s.driver = g.driver AND s.id = g.id) ORDER BY driver, id ON CONFLICT DO NOTHING`,
      values,
    );
    const { rows } = await client.query<{ n: number; driver: number; id: string }>(
      'SELECT n, driver, id FROM stream WHERE (driver, id) IN (SELECT * FROM unnest($1::int[], $2::text[]))',
      values,
    );
    for (const { n, driver, id } of rows) this.#remember(this.#streams, `${driver} ${id}`, n);
  }

  #remember(map: Map<string, number>, key: string, n: number): void {
    map.set(key, n);
    this.#new.push([map, key, n]);
  }
}
