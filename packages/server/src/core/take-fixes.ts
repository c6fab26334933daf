import { STREAM_LIMITS } from '@waycast/protocol';
import type { FixesCommand, NumberedFix, RefusedCommand } from './commands.ts';
import { tripHappened } from './drive-trip.ts';
import type { Driver } from './driver.ts';
import type { Effects, FixCounts } from './effects.ts';
import type { Fix } from './fix.ts';
import { recognise, remember, type Stream, settle, settleBelow, streamOf } from './identities.ts';
import { judge, judgeLate, MAX_AHEAD_MS, type Suspicion } from './plausibility.ts';
import { heard } from './presence.ts';
import type { Rules } from './rules.ts';
import { countFix } from './trip.ts';

/** Fixes in the order they came: known? plausible? late? then they count. */
export function takeFixes(driver: Driver, command: FixesCommand, rules: Rules, effects: Effects): void {
  const stream = command.stream === null ? null : streamOf(driver.identities, command.stream);
  // A watermark that no stored fix tells of has to be stored itself.
  if (stream !== null && command.base !== null && settleBelow(stream, command.base)) effects.changed.add(driver);
  const counts: FixCounts = { accepted: 0, stored: 0, duplicates: 0, suspect: 0, rejected: [] };
  heard(driver, command.receivedAt, effects);
  const before = driver.latest;
  for (let index = 0; index < command.fixes.length; index++) {
    takeFix(driver, command, index, stream, counts, rules, effects);
  }
  if (!command.live && driver.latest !== null && driver.latest !== before)
    publishLocation(driver, driver.latest, command.receivedAt, effects);
  if (stream !== null && command.sender !== 0) effects.progress.set(stream, { sender: command.sender, driverId: driver.id });
  if (command.reply !== 0) effects.answers.push({ reply: command.reply, kind: 'fixes', counts, seq: driver.seq });
}

function takeFix(
  driver: Driver,
  command: FixesCommand,
  index: number,
  stream: Stream | null,
  counts: FixCounts,
  rules: Rules,
  effects: Effects,
): void {
  const { seq, fix } = command.fixes[index] as NumberedFix;
  const { receivedAt, sender, reply } = command;
  const known = recognise(driver.identities, stream, seq, fix, STREAM_LIMITS.window);
  if (known === 'conflict' || known === 'out_of_window') {
    const message =
      known === 'conflict' ? 'this number was another fix before' : `more than ${STREAM_LIMITS.window} ahead of the oldest open number`;
    counts.rejected.push({ index, code: known, message });
    if (seq !== null)
      effects.remarks.push({ sender, driverId: driver.id, stream: command.stream, seq, kind: 'rejected', code: known, message });
    return;
  }
  counts.accepted++;
  if (stream !== null && seq !== null) settle(stream, seq);
  if (known === 'duplicate') {
    counts.duplicates++;
    return;
  }
  const ahead = fix.at > receivedAt + MAX_AHEAD_MS;
  const unsure = known === 'unsure';
  remember(driver.identities, stream, seq, fix, ahead);
  // A repeat of the latest that only the store would recognise must not serve as "two in a row".
  const repeats = unsure && driver.latest !== null && fix.at <= driver.latest.at;
  const suspect = repeats ? opinion(driver, fix, ahead, rules) : count(driver, fix, receivedAt, command.live, rules, effects);
  counts.stored++;
  if (suspect !== null) {
    counts.suspect++;
    effects.remarks.push({ sender, driverId: driver.id, stream: command.stream, seq, kind: 'suspect', reason: suspect, at: fix.at });
  }
  effects.rows.push({
    driverId: driver.id,
    position: driver.position,
    fix,
    receivedAt,
    suspect,
    stream: command.stream,
    seq,
    unsure,
    reply,
  });
}

/** Judges a new fix and lets it, and suspects it clears, count [F4-F8, F11]. Answers why it is suspect, null when it is not. */
function count(driver: Driver, fix: Fix, receivedAt: number, live: boolean, rules: Rules, effects: Effects): Suspicion | null {
  if (isLate(driver, fix)) return opinion(driver, fix, false, rules);
  const { verdict, believed } = judge(driver.judgement, fix, receivedAt, rules.maxPlausibleSpeedKmh);
  if (verdict === 'ahead' || verdict === 'teleport') return verdict;
  for (const one of [...believed, fix]) if (!isLate(driver, one)) countPlausible(driver, one, effects);
  if (live && driver.latest !== null) publishLocation(driver, driver.latest, receivedAt, effects);
  return null;
}

function isLate({ latest }: Driver, fix: Fix): boolean {
  return latest !== null && fix.at < latest.at;
}

/** A first opinion about a fix that changes nothing live: a late one, or one the store may know [F8, F10]. */
function opinion(driver: Driver, fix: Fix, ahead: boolean, rules: Rules): Suspicion | null {
  if (ahead) return 'ahead';
  return judgeLate(driver.judgement, fix, rules.maxPlausibleSpeedKmh) === 'plausible' ? null : 'teleport';
}

function countPlausible(driver: Driver, fix: Fix, effects: Effects): void {
  driver.latest = fix;
  for (const active of driver.trips) {
    const events = countFix(active.trip, fix);
    if (events.length === 0) continue;
    active.trip.revision++;
    tripHappened(driver, active, events, effects);
  }
}

function publishLocation(driver: Driver, fix: Fix, now: number, effects: Effects): void {
  const { id: driverId, feed, epoch } = driver;
  effects.published.push({ type: 'location', feed, epoch, seq: ++driver.seq, driverId, fix, plan: null, now });
  for (const active of driver.trips) {
    effects.published.push({
      type: 'location',
      feed: active.feed,
      epoch: active.epoch,
      seq: ++active.seq,
      driverId,
      fix,
      plan: active.plan,
      now,
    });
  }
}

/** A number refused on the way here is settled, so that it does not hold up the watermark [A2]. */
export function settleRefused(driver: Driver, command: RefusedCommand, effects: Effects): void {
  const stream = streamOf(driver.identities, command.stream);
  settle(stream, command.seq);
  const { sender, driverId, seq, code, message } = command;
  effects.remarks.push({ sender, driverId, stream: stream.id, seq, kind: 'rejected', code, message });
  effects.progress.set(stream, { sender, driverId });
  effects.changed.add(driver);
}
