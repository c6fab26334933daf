import type { Link, RedisArgs } from './link.ts';

/** What is asked of Redis while serving, each once, on a key and a channel of its own; nothing stays of it. */
function everything(key: string, channel: string, cluster: boolean): RedisArgs[] {
  return [
    ['INFO', 'server'],
    ['CLIENT', 'ID'],
    ['CLIENT', 'UNBLOCK', 0],
    ...(cluster ? [['CLUSTER', 'SLOTS'] as const] : []),
    ['DEL', key],
    ['RPUSH', key, ''],
    ['LPUSH', key, ''],
    ['LTRIM', key, 0, 0],
    ['LRANGE', key, 0, 0],
    ['LINDEX', key, 0],
    ['EXPIRE', key, 1],
    ['DEL', key],
    ['SADD', key, ''],
    ['SMEMBERS', key],
    ['SISMEMBER', key, ''],
    ['SREM', key, ''],
    ['SET', key, '', 'XX', 'PX', 1],
    ['GET', key],
    ['GETDEL', key],
    ['MGET', key],
    ['EXISTS', key],
    ['XADD', key, 'NOMKSTREAM', '*', 'c', ''],
    ['XREAD', 'STREAMS', key, 0],
    ['XLEN', key],
    ['MEMORY', 'USAGE', key, 'SAMPLES', 0],
    ['XTRIM', key, 'MINID', '=', 0],
    ['EVAL', 'return 0', 1, key],
    [cluster ? 'SPUBLISH' : 'PUBLISH', channel, ''],
  ];
}

/** What the user of this connection may not do of what is needed, in the words of Redis; null when it may do all of it. Afterwards it hears channels only. */
export async function missingRight(link: Link, prefix: string, cluster: boolean): Promise<string | null> {
  const key = `${prefix}{rights}`;
  const channel = `${key}:said`;
  const replies = await link.send(everything(key, channel, cluster));
  const hearing = cluster ? link.redis.ssubscribe(channel) : link.redis.subscribe(channel);
  replies.push(await hearing.then(() => null, asError));
  for (const reply of replies) if (reply instanceof Error && reply.message.startsWith('NOPERM')) return reply.message;
  return null;
}

function asError(reason: unknown): Error {
  return reason instanceof Error ? reason : new Error(String(reason));
}
