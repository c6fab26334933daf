import pg, { type Client } from 'pg';
import type { ErasedSome, Eraser, Erasure, ErasurePart, ErasureWork } from '../../hub/storage-ports.ts';
import type { Address } from './address.ts';
import { eraseSome } from './erasures.ts';
import { asUnavailable } from './failures.ts';
import type { Primary } from './primary.ts';
import { named } from './process-number.ts';

/** Whoever holds it erases; in the number space of advisory locks with one key. */
const ERASING = 7_231_955_500_005n;
/** A step looks at some hundred rows; one that takes longer met something that is stuck, ms. */
const PATIENCE_MS = 30_000;

/** Who erases, of all processes: by a connection of its own while there is something to erase. */
export class PostgresEraser implements Eraser {
  readonly #primary: Primary;
  readonly #address: Address;
  readonly #process: number;

  constructor(primary: Primary, address: Address, process: number) {
    this.#primary = primary;
    this.#address = address;
    this.#process = process;
  }

  pending(): Promise<readonly Erasure[]> {
    return this.#primary.rows<Erasure>('SELECT n, driver, at, hidden FROM erasure ORDER BY n');
  }

  async begin(): Promise<ErasureWork | null> {
    const client = new pg.Client({ ...this.#address.config, connectionTimeoutMillis: PATIENCE_MS, query_timeout: PATIENCE_MS });
    // What becomes of it is told by whatever it is asked next.
    client.on('error', () => undefined);
    try {
      await client.connect();
      await client.query(`SET jit = off; SET synchronous_commit = on; ${named(this.#process)}`);
      const { rows } = await client.query<{ mine: boolean }>(`SELECT pg_try_advisory_lock(${ERASING}) AS mine`);
      if (rows[0]?.mine === true) return new PostgresErasureWork(client);
      await client.end();
      return null;
    } catch (error) {
      await client.end().catch(() => undefined);
      throw asUnavailable(error);
    }
  }
}

class PostgresErasureWork implements ErasureWork {
  readonly #client: Client;

  constructor(client: Client) {
    this.#client = client;
  }

  async some(erasure: Erasure, part: ErasurePart, after: string | null): Promise<ErasedSome> {
    return await this.#whole(() => eraseSome(this.#client, erasure, part, after));
  }

  async hide({ n }: Erasure): Promise<void> {
    await this.#whole(() => this.#client.query('UPDATE erasure SET hidden = true WHERE n = $1', [n]));
  }

  async done({ n }: Erasure): Promise<void> {
    await this.#whole(async () => {
      await this.#client.query('DELETE FROM driver WHERE n = (SELECT number FROM erasure WHERE n = $1)', [n]);
      await this.#client.query('DELETE FROM erasure WHERE n = $1', [n]);
    });
  }

  async end(): Promise<void> {
    await this.#client.end().catch(() => undefined);
  }

  async #whole<T>(work: () => Promise<T>): Promise<T> {
    try {
      await this.#client.query('BEGIN');
      const result = await work();
      await this.#client.query('COMMIT');
      return result;
    } catch (error) {
      await this.#client.query('ROLLBACK').catch(() => undefined);
      throw asUnavailable(error);
    }
  }
}
