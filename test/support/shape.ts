/**
 * What a server of the tests is made of: one process with its embedded database, one on PostgreSQL, or two behind nginx
 * on PostgreSQL and Redis. The same tests run in every shape.
 */
export type Shape = 'embedded' | 'postgres' | 'cluster';

export function shape(): Shape {
  const wanted = process.env.WAYCAST_TEST_SHAPE ?? 'embedded';
  if (wanted === 'embedded' || wanted === 'postgres' || wanted === 'cluster') return wanted;
  throw new Error(`WAYCAST_TEST_SHAPE is embedded, postgres or cluster, not ${wanted}`);
}
