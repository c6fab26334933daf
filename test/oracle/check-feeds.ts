import type { Violation, Watched, WatchedMessage } from './observed.ts';

interface FeedState {
  epoch: string | null;
  seq: number;
  /** a snapshot or a `since` has said where the feed stands */
  started: boolean;
  readonly left: Set<string>;
  /** what the last heartbeat said */
  heard: { readonly epoch: string; readonly seq: number } | null;
}

type Report = (code: Violation['code'], message: string) => void;

function enter(state: FeedState, epoch: string, seq: number): void {
  if (state.epoch !== null && state.epoch !== epoch) state.left.add(state.epoch);
  state.epoch = epoch;
  state.seq = seq;
  state.started = true;
}

/** A numbered message: the next of its epoch, or the first of a new one (O1). */
function numbered(state: FeedState, epoch: string, seq: number, report: Report): void {
  if (state.left.has(epoch))
    report('epoch-returned', `epoch ${epoch} again, at ${seq}, after it was left, and ${state.seq} of ${state.epoch}`);
  else if (!state.started) report('no-start', `begins with ${seq} of ${epoch}, without a snapshot or a place to resume from`);
  else if (state.epoch !== epoch) {
    if (seq !== 1) report('gap', `a new epoch ${epoch} begins with ${seq}, not 1, and no snapshot`);
  } else if (seq <= state.seq) report('not-increasing', `${seq} after ${state.seq} in epoch ${epoch}`);
  else if (seq > state.seq + 1) report('gap', `${seq} after ${state.seq} in epoch ${epoch}, not marked`);
  // A number that went back does not make the next ones wrong as well.
  enter(state, epoch, state.epoch === epoch ? Math.max(seq, state.seq) : seq);
}

function conflated(state: FeedState, epoch: string, from: number, to: number, report: Report): void {
  if (to < from) report('bad-conflation', `conflated ${from} to ${to} runs backwards`);
  numbered(state, epoch, from, (code, message) =>
    report(code === 'not-increasing' ? 'bad-conflation' : code, `conflated ${from} to ${to}: ${message}`),
  );
  state.seq = Math.max(state.seq, to);
}

/** O2: a snapshot may jump forward, never back within an epoch. */
function snapshot(state: FeedState, epoch: string, seq: number, report: Report): void {
  if (state.left.has(epoch))
    report('epoch-returned', `a snapshot of epoch ${epoch} at ${seq}, after it was left, and ${state.seq} of ${state.epoch}`);
  if (state.epoch === epoch && seq < state.seq) report('not-increasing', `a snapshot at ${seq} after ${state.seq} in epoch ${epoch}`);
  enter(state, epoch, seq);
}

function take(state: FeedState, message: WatchedMessage, report: Report): void {
  const { type, epoch = '', seq = 0 } = message;
  if (type === 'subscribe' && message.since !== undefined) enter(state, message.since.epoch, message.since.seq);
  else if (type === 'subscribe') state.started = false;
  else if (type === 'snapshot') snapshot(state, epoch, seq, report);
  else if (type === 'conflated') conflated(state, epoch, message.from ?? 0, message.to ?? 0, report);
  else if (type === 'location' || type === 'event') numbered(state, epoch, seq, report);
}

/** I2: per watcher, feed and epoch. The end is compared with the last heartbeat, so let things come to rest before. */
export function checkFeeds(watched: readonly Watched[]): Violation[] {
  const violations: Violation[] = [];
  for (const { watcher, messages, leftFeeds = [] } of watched) {
    const feeds = new Map<string, FeedState>();
    const stateOf = (feed: string): FeedState => {
      const state = feeds.get(feed) ?? { epoch: null, seq: 0, started: false, left: new Set(), heard: null };
      feeds.set(feed, state);
      return state;
    };
    const reporter =
      (feed: string): Report =>
      (code, message) =>
        violations.push({ rule: 'I2', code, message: `${watcher}, ${feed}: ${message}` });
    for (const message of messages) {
      if (message.type === 'heartbeat') for (const { feed, epoch, seq } of message.feeds ?? []) stateOf(feed).heard = { epoch, seq };
      else if (message.feed !== undefined && message.feed !== 'fleet') take(stateOf(message.feed), message, reporter(message.feed));
    }
    for (const [feed, { epoch, seq, left, heard }] of feeds) {
      if (heard === null || leftFeeds.includes(feed) || left.has(heard.epoch)) continue;
      const had = heard.epoch === epoch ? seq : 0;
      if (heard.seq > had) reporter(feed)('tail-lost', `ends at ${had} of ${heard.epoch}, the heartbeat said ${heard.seq}`);
    }
  }
  return violations;
}
