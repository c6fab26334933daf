import pg, { type ClientBase, type QueryResult, type QueryResultRow } from 'pg';

/**
 * Asks by a named statement, with values that are large. A query of pg stays in memory until the next major collection,
 * however soon it is answered: V8 puts functions that are assigned to members among what is old, and these hold the query.
 * So its values do not stay in it.
 */
export function askLarge<R extends QueryResultRow>(
  client: ClientBase,
  name: string,
  text: string,
  values: readonly unknown[],
): Promise<QueryResult<R>> {
  return new Promise((resolve, reject) => {
    const query = new pg.Query({ name, text, values: [...values] }, undefined, (error: Error | undefined, result: QueryResult<R>) => {
      (query as { values?: readonly unknown[] }).values = [];
      if (error) reject(error);
      else resolve(result);
    });
    client.query(query);
  });
}
