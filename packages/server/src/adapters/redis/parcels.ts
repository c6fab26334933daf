import type { RedisArgs, RedisReply } from './link.ts';

/** Of so few a script would cost more than it spares. */
const FEWEST = 4;
/** Redis does nothing else while it unpacks one. */
const MOST = 500;
/** Lua hands on no more arguments than its stack holds. */
const MOST_ARGS = 1_000;

/** Words of one script, of all its commands. */
const MOST_WORDS = 20_000;

/**
 * What takes memory. A full Redis refuses it, but in a script only until something there has gone through: so nothing else
 * travels with it.
 */
const TAKES_MEMORY: ReadonlySet<string> = new Set(['SET', 'RPUSH', 'LPUSH', 'XADD', 'SADD']);

/** Each of several commands: how many words, then the words. Answers what each answered; one that is refused stops no other. */
const UNPACK = `
local at, replies = 1, {}
while at <= #ARGV do
  local words = tonumber(ARGV[at])
  replies[#replies + 1] = redis.pcall(unpack(ARGV, at + 1, at + words))
  at = at + words + 1
end
return replies`;

/**
 * Values that are set alike: how many words stand behind each, those words, then key and value by turns. Most there is to
 * write is this, and it is half the work of commands that may be any. Answers those that were not set, by number, and why.
 */
const SET_ALL = `
local more, not_set = {}, {}
local first = tonumber(ARGV[1]) + 2
for i = 2, first - 1 do more[i - 1] = ARGV[i] end
for i = first, #ARGV, 2 do
  local reply = redis.pcall('SET', ARGV[i], ARGV[i + 1], unpack(more))
  if type(reply) ~= 'table' or reply.ok == nil then
    not_set[#not_set + 1] = (i - first) / 2
    not_set[#not_set + 1] = reply
  end
end
return not_set`;

/** Commands that travel as one, and how its answer is the answers of all. */
export interface Parcel {
  readonly args: RedisArgs;
  open(reply: RedisReply): readonly RedisReply[];
}

/**
 * Many commands, in order, as few: each command of its own costs its sender some 8 us, as
 * part of a script some 2. All of it must be for one Redis, not a Cluster.
 */
export function parcelsOf(calls: readonly RedisArgs[]): readonly Parcel[] {
  const parcels: Parcel[] = [];
  let together: RedisArgs[] = [];
  let words = 0;
  let takes = false;
  /** What stands behind the values that are set, null for other commands. */
  let alike: string | null = null;
  const close = (): void => {
    if (together.length < FEWEST) parcels.push(...together.map(alone));
    else parcels.push(alike === null ? parcelOf(together) : setParcelOf(together));
    together = [];
    words = 0;
  };
  for (const call of calls) {
    // A script cannot call another one.
    const fits = call[0] !== 'EVAL' && call.length <= MOST_ARGS;
    const one = TAKES_MEMORY.has(call[0]);
    const kind = call[0] === 'SET' ? call.slice(3).join(' ') : null;
    if (!fits || one !== takes || kind !== alike || together.length === MOST || words + call.length > MOST_WORDS) close();
    takes = one;
    alike = kind;
    words += call.length;
    if (fits) together.push(call);
    else parcels.push(alone(call));
  }
  close();
  return parcels;
}

function alone(args: RedisArgs): Parcel {
  return { args, open: (reply) => [reply] };
}

function parcelOf(calls: readonly RedisArgs[]): Parcel {
  const args: [string, ...(string | number)[]] = ['EVAL', UNPACK, 0];
  for (const call of calls) {
    args.push(call.length);
    for (const word of call) args.push(word);
  }
  return { args, open: (reply) => answersOf(reply, calls.length) };
}

function setParcelOf(calls: readonly RedisArgs[]): Parcel {
  const more = calls[0]?.slice(3) ?? [];
  const args: [string, ...(string | number)[]] = ['EVAL', SET_ALL, 0, more.length, ...more];
  for (const [, key, value] of calls) args.push(key as string, value as string);
  return { args, open: (reply) => setAnswersOf(reply, calls.length) };
}

function setAnswersOf(reply: RedisReply, count: number): readonly RedisReply[] {
  if (!Array.isArray(reply)) return new Array(count).fill(reply);
  const answers: RedisReply[] = new Array(count).fill('OK');
  const notSet = reply as readonly RedisReply[];
  for (let i = 0; i < notSet.length; i += 2) answers[notSet[i] as number] = notSet[i + 1] ?? null;
  return answers;
}

function answersOf(reply: RedisReply, count: number): readonly RedisReply[] {
  return Array.isArray(reply) ? (reply as readonly RedisReply[]) : new Array(count).fill(reply);
}
