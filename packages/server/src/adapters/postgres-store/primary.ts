import type { Pool, PoolClient, QueryResultRow } from 'pg';
import { asUnavailable, isCollision } from './failures.ts';

/** Two transactions in each other's way are tried again, so often. */
const COLLISIONS = 10;

/** Everything that is asked or done beside commits, through a pool of connections. */
export class Primary {
  readonly #pool: Pool;

  constructor(pool: Pool) {
    this.#pool = pool;
  }

  /**
   * A question, or one statement that is a transaction by itself.
   * @throws WaycastError `storage_unavailable` while PostgreSQL cannot answer
   */
  async rows<R extends QueryResultRow>(text: string, values: readonly unknown[] = []): Promise<R[]> {
    try {
      return (await this.#pool.query<R>(text, [...values])).rows;
    } catch (error) {
      throw asUnavailable(error);
    }
  }

  /**
   * Something done whole or not at all; done once more where another transaction was in the way.
   * @throws WaycastError `storage_unavailable` while PostgreSQL cannot do it; then it may be done all the same
   */
  async transaction<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    for (let collisions = 0; ; collisions++) {
      try {
        return await this.#once(work);
      } catch (error) {
        if (!isCollision(error) || collisions === COLLISIONS) throw asUnavailable(error);
      }
    }
  }

  async #once<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect();
    let broken: Error | undefined;
    // Between two statements the connection may go as well, and nobody else listens: it would end the process.
    const gone = (cause: Error): void => {
      broken = cause;
    };
    client.on('error', gone);
    try {
      await client.query('BEGIN; SET LOCAL synchronous_commit = on');
      const result = await work(client);
      await client.query('COMMIT');
      return result;
    } catch (error) {
      await client.query('ROLLBACK').catch((cause: Error) => {
        broken = cause;
      });
      throw error;
    } finally {
      client.off('error', gone);
      client.release(broken);
    }
  }
}
