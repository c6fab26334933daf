import pg, { type ClientBase, type QueryResult, type QueryResultRow } from 'pg';

/**
 * Asks by a named statement, with values that are large. A query of pg stays in memory until the next major collection,
 * however soon it is answered: V8 puts functions that are assigned to members among what is old, and these hold the query
 * and who is called back. So the values do not stay in the one, and are not in sight of the other.
 */
export function askLarge<R extends QueryResultRow>(
  client: ClientBase,
  name: string,
  text: string,
  values: readonly unknown[],
): Promise<QueryResult<R>> {
  const { promise, resolve, reject } = Promise.withResolvers<QueryResult<R>>();
  const query: { values?: readonly unknown[] } & pg.Query = new pg.Query(
    { name, text, values: [...values] },
    undefined,
    settling(resolve, reject),
  );
  const letGo = (): void => {
    query.values = [];
  };
  promise.then(letGo, letGo);
  client.query(query);
  return promise;
}

/** Calls one or the other; sees nothing else of whoever asks. */
export function settling<T>(resolve: (result: T) => void, reject: (error: Error) => void): (error: Error | undefined, result: T) => void {
  return (error, result) => {
    if (error) reject(error);
    else resolve(result);
  };
}
