import type { RedisCall } from '../redis/redis-connection.ts';
import { idOf, PER_MS } from './positions.ts';

/** At most so many in one append: with half of the ids of a millisecond taken there is room for them. */
export const MOST_AT_ONCE = PER_MS / 4;

/**
 * All of a batch or nothing, so that no failure breaks its order. Should a clock that was set back gather too many ids
 * in one millisecond, the next begin in the next one. Answers how many the stream has.
 */
const APPEND = `
local id
for i = 2, #ARGV do id = redis.call('XADD', KEYS[1], '*', 'c', ARGV[i]) end
local ms, seq = string.match(id, '^(%d+)-(%d+)$')
if tonumber(seq) > tonumber(ARGV[1]) then
  redis.call('XSETID', KEYS[1], string.format('%.0f-0', tonumber(ms) + 1))
end
return redis.call('XLEN', KEYS[1])`;

/** Ids go on above this one, also where the stream was lost and the clock is behind it. */
const RAISE = `
local want_ms, want_seq = string.match(ARGV[1], '^(%d+)-(%d+)$')
if redis.call('EXISTS', KEYS[1]) == 0 then
  redis.call('XADD', KEYS[1], ARGV[1], 'c', '')
  redis.call('XDEL', KEYS[1], ARGV[1])
  return 1
end
local info = redis.call('XINFO', 'STREAM', KEYS[1])
local last
for i = 1, #info, 2 do if info[i] == 'last-generated-id' then last = info[i + 1] end end
local ms, seq = string.match(last, '^(%d+)-(%d+)$')
ms, seq, want_ms, want_seq = tonumber(ms), tonumber(seq), tonumber(want_ms), tonumber(want_seq)
if ms < want_ms or (ms == want_ms and seq < want_seq) then redis.call('XSETID', KEYS[1], ARGV[1]) end
return 0`;

/** One alone needs no script, which is most of what it would cost: it is answered by its id. */
export function appendCall(key: string, texts: readonly string[]): RedisCall {
  const [first = ''] = texts;
  if (texts.length === 1) return { key, args: ['XADD', key, '*', 'c', first] };
  return { key, args: ['EVAL', APPEND, 1, key, PER_MS / 2, ...texts] };
}

/** Whether so many of the ids of one millisecond are gone that the next one has to begin in another. */
export function isCrowded(id: string): boolean {
  return Number(id.slice(id.indexOf('-') + 1)) > PER_MS / 2;
}

/** The next id is of another millisecond than this one. */
export function skipCall(key: string, id: string): RedisCall {
  return { key, args: ['EVAL', RAISE, 1, key, `${Number(id.slice(0, id.indexOf('-'))) + 1}-0`] };
}

export function raiseCall(key: string, position: number): RedisCall {
  return { key, args: ['EVAL', RAISE, 1, key, idOf(position)] };
}

export function lengthCall(key: string): RedisCall {
  return { key, args: ['XLEN', key] };
}

/** What the stream takes in the memory of Redis: all of it is looked at, not a sample, for small and large commands come mixed. */
export function sizeCall(key: string): RedisCall {
  return { key, args: ['MEMORY', 'USAGE', key, 'SAMPLES', 0] };
}

/** Removes everything up to this position. */
export function trimCall(key: string, position: number): RedisCall {
  return { key, args: ['XTRIM', key, 'MINID', '=', idOf(position + 1)] };
}
