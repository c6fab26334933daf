import type { RedisConnection, RedisReply } from '../redis/redis-connection.ts';
import { idOf } from './positions.ts';
import { lengthCall } from './scripts.ts';

/** Commands of one partition that are in the log, and what of them is not stored yet. */
export interface Waiting {
  readonly partition: number;
  /** Entries in the stream; some may be stored and not trimmed yet. */
  readonly entries: number;
  /** When the oldest one after the cursor was appended, epoch ms by the clock of Redis; null: all are stored. */
  readonly oldest: number | null;
}

export function logKey(prefix: string, partition: number): string {
  return `${prefix}{log.${partition}}`;
}

/** What waits in each partition, by where its cursor stands. Asks only. @throws Error when Redis does not answer */
export async function readBacklog(connection: RedisConnection, cursors: ReadonlyMap<number, number>): Promise<Waiting[]> {
  const partitions = [...cursors];
  const calls = partitions.flatMap(([partition, position]) => {
    const key = logKey(connection.prefix, partition);
    return [lengthCall(key), { key, args: ['XREAD', 'COUNT', 1, 'STREAMS', key, idOf(position)] as const }];
  });
  const replies = await connection.run(calls);
  const failed = replies.find((reply) => reply instanceof Error);
  if (failed !== undefined) throw failed;
  return partitions.map(([partition], i) => ({
    partition,
    entries: Number(replies[2 * i] ?? 0),
    oldest: timeOfFirst(replies[2 * i + 1] ?? null),
  }));
}

/** `[[key, [[id, fields]]]]`, null when there is nothing. */
function timeOfFirst(reply: RedisReply): number | null {
  const id = (reply as [[string, [[string, unknown]]]] | null)?.[0][1][0]?.[0];
  return id === undefined ? null : Number(id.slice(0, id.indexOf('-')));
}
