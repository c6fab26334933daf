import type { RedisCall } from '../redis/redis-connection.ts';

/** The clock of Redis alone decides what has run out: processes need not agree on the time. */
const NOW = `
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
`;

const SWEPT = `${NOW}redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now)\n`;

/** ARGV: lease in ms, limit, member. Answers how many are in, -1 when it was full. */
const ENTER = `${SWEPT}
if not redis.call('ZSCORE', KEYS[1], ARGV[3]) and redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return -1 end
redis.call('ZADD', KEYS[1], now + ARGV[1], ARGV[3])
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return redis.call('ZCARD', KEYS[1])`;

/** ARGV: lease in ms, members. */
const RENEW = `${NOW}
for i = 2, #ARGV do redis.call('ZADD', KEYS[1], now + ARGV[1], ARGV[i]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 0`;

/** ARGV: members. */
const LEAVE = `${SWEPT}
redis.call('ZREM', KEYS[1], unpack(ARGV))
return redis.call('ZCARD', KEYS[1])`;

const COUNT = `${SWEPT}
return redis.call('ZCARD', KEYS[1])`;

/** ARGV: how long it is kept, s. */
const NEXT = `${NOW}
local given = math.max(tonumber(redis.call('GET', KEYS[1]) or '0') + 1, now)
redis.call('SET', KEYS[1], string.format('%.0f', given), 'EX', ARGV[1])
return given`;

const DAY_S = 86_400;

export function enterCall(key: string, member: string, leaseMs: number, limit: number): RedisCall {
  return { key, args: ['EVAL', ENTER, 1, key, leaseMs, Number.isFinite(limit) ? limit : '1e300', member] };
}

export function renewCall(key: string, members: readonly string[], leaseMs: number): RedisCall {
  return { key, args: ['EVAL', RENEW, 1, key, leaseMs, ...members] };
}

export function leaveCall(key: string, members: readonly string[]): RedisCall {
  return { key, args: ['EVAL', LEAVE, 1, key, ...members] };
}

export function countCall(key: string): RedisCall {
  return { key, args: ['EVAL', COUNT, 1, key] };
}

export function latestCall(key: string): RedisCall {
  return { key, args: ['GET', key] };
}

export function nextCall(key: string): RedisCall {
  return { key, args: ['EVAL', NEXT, 1, key, DAY_S] };
}
