import { Pool } from 'pg';
import { addressOf } from '../../postgres-store/address.ts';
import { PostgresOwnership } from '../postgres-ownership.ts';

/**
 * A process that only owns: says on its output what it gains and loses. For tests that stop and wake it. Told to end, it
 * never comes to an end of handing over.
 */
const [url = '', home = ''] = process.argv.slice(2);
const say = (what: string, count: number): void => void process.stdout.write(`${what} ${count}\n`);
const { config, name } = addressOf('DATABASE_URL', url);
const database = new Pool({ ...config, max: 1 });
database.on('error', () => undefined);
const ownership = new PostgresOwnership({
  config,
  where: name,
  home: Number(home),
  alone: false,
  departed: async () => undefined,
  info: () => undefined,
  warn: () => undefined,
  fatal: () => process.exit(1),
});
let isEnding = false;
process.on('SIGTERM', () => {
  isEnding = true;
  void ownership.close();
});
await ownership.start({
  gain: async (partitions) => {
    await database.query('UPDATE partition_cursor SET owner = $2 WHERE partition = ANY ($1::int[])', [partitions, home]);
    say('gained', partitions.length);
  },
  yield: async (partitions) => {
    say(isEnding ? 'gives' : 'gave', partitions.length);
    if (isEnding) await new Promise<never>(() => undefined);
  },
  lose: (partitions) => say('lost', partitions.length),
});
