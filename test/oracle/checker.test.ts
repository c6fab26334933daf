import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ServerMessage } from '../../packages/protocol/src/index.ts';
import { type CheckInput, check } from './checker.ts';
import type { Ack, Attempt, SentFix } from './journal.ts';
import type { HistoryRow, Violation, Watched, WatchedMessage } from './observed.ts';

const T = Date.UTC(2025, 0, 1);
const iso = (at: number): string => new Date(at).toISOString();
const fixOf = (i: number): SentFix => ({ lat: 44 + i * 1e-4, lng: 11, at: T + i * 1000, speed: 30, accuracy: 5 });

function row(driver: string, fix: SentFix, receivedAt = (fix.at ?? T) + 200): HistoryRow {
  const { lat, lng, at, speed = null, bearing = null, accuracy = null, altitude = null } = fix;
  return {
    driver,
    lat,
    lng,
    speed,
    bearing,
    accuracy,
    altitude,
    timestamp: iso(at ?? receivedAt),
    receivedAt: iso(receivedAt),
    suspect: false,
  };
}

/** A driver that sent `count` numbered fixes over one socket, all stored, and its watcher. */
function world(
  count: number,
  driver = 'd1',
): Required<CheckInput> & { attempts: Attempt[]; acks: Ack[]; history: HistoryRow[]; watched: Watched[] } {
  const fixes = Array.from({ length: count }, (_, i) => fixOf(i));
  const line = { producer: driver, driver, stream: 's' };
  const feed = { feed: `driver:${driver}`, epoch: 'e1' };
  return {
    attempts: fixes.map((fix, i) => ({ ...line, type: 'attempt', n: i * 2 + 1, seq: i + 1, fix })),
    acks: fixes.map((_, i) => ({ ...line, type: 'watermark', n: i * 2 + 2, accepted: i + 1, stored: i + 1 })),
    history: fixes.map((fix) => row(driver, fix)),
    watched: [
      {
        watcher: `watcher of ${driver}`,
        messages: [
          { type: 'subscribe', feed: feed.feed },
          { type: 'snapshot', ...feed, seq: 0, location: null },
          ...fixes.map((fix, i) => ({
            type: 'location',
            ...feed,
            seq: i + 1,
            driver,
            lat: fix.lat,
            lng: fix.lng,
            timestamp: iso(fix.at ?? 0),
          })),
          { type: 'heartbeat', feeds: [{ ...feed, seq: count }] },
        ],
      },
    ],
    events: [
      { id: 't1/s1/arrived', kind: 'arrived', tripId: 't1', stopId: 's1' },
      { id: 't1/status/ARRIVED', kind: 'status', tripId: 't1', status: 'ARRIVED' },
      { id: 'd1/online/1', kind: 'online' },
      { id: 'd1/online/2', kind: 'online' },
    ],
    maxPlausibleSpeedKmh: 300,
  };
}

const codes = (violations: readonly Violation[]): string[] => violations.map(({ rule, code }) => `${rule} ${code}`);
/** The watcher's messages changed, nothing else. */
function seeing(change: (messages: WatchedMessage[]) => WatchedMessage[], count = 6): string[] {
  const { watched, ...rest } = world(count);
  return codes(check({ ...rest, watched: watched.map((one) => ({ ...one, messages: change([...one.messages]) })) }));
}
const driverFeed = { feed: 'driver:d1', epoch: 'e1' };

it('takes the messages of the protocol as they are', () => {
  const messages: ServerMessage[] = [];
  expect(check({ attempts: [], acks: [], history: [], watched: [{ watcher: 'w', messages }] })).toEqual([]);
});

it('finds nothing in a sound world', () => {
  fc.assert(
    fc.property(fc.nat({ max: 40 }), (count) => {
      expect(check(world(count))).toEqual([]);
    }),
  );
});

describe('I1', () => {
  const some = fc.integer({ min: 1, max: 30 }).chain((count) => fc.tuple(fc.constant(count), fc.nat({ max: count - 1 })));

  it('finds a lost one, one too many, an invented and an altered one, wherever', () => {
    fc.assert(
      fc.property(some, ([count, where]) => {
        const { watched: _, ...sound } = world(count);
        const [first, rest] = [sound.history[where], sound.history.toSpliced(where, 1)];
        if (first === undefined) throw new Error('no row');
        const found = (history: HistoryRow[]): string[] => codes(check({ ...sound, watched: [], history }));
        expect(found(rest)).toEqual(['I1 lost']);
        expect(found([...sound.history, first])).toEqual(['I1 twice']);
        expect(found([...sound.history, { ...first, lat: -10 }])).toEqual(['I1 never-attempted']);
        expect(found([...sound.history, { ...first, driver: 'd2' }])).toEqual(['I1 never-attempted']);
        expect(found([...rest, { ...first, speed: 31 }])).toEqual(['I1 lost', 'I1 altered']);
        expect(found([...rest, { ...first, timestamp: iso(Date.parse(String(first.timestamp)) + 1) }])).toEqual([
          'I1 lost',
          'I1 never-attempted',
        ]);
      }),
    );
  });

  it('lets go what was not acknowledged, stored or not, but not twice', () => {
    const { history, attempts, acks } = world(5);
    const bare = { attempts, acks: acks.slice(0, 3), watched: [] };
    expect(check({ ...bare, history })).toEqual([]);
    expect(check({ ...bare, history: history.slice(0, 3) })).toEqual([]);
    expect(codes(check({ ...bare, history: [...history, ...history.slice(4)] }))).toEqual(['I1 twice']);
    expect(codes(check({ ...bare, history: history.slice(0, 2) }))).toEqual(['I1 lost']);
  });

  it('counts resends of a number as one fix, and the same place under two numbers as two', () => {
    const { history, attempts, acks } = world(3);
    const again = attempts.map((attempt) => ({ ...attempt, n: attempt.n + 100 }));
    expect(check({ attempts: [...attempts, ...again], acks, history, watched: [] })).toEqual([]);
    const fix = fixOf(2);
    const fourth: Attempt = { type: 'attempt', producer: 'd1', driver: 'd1', stream: 's', n: 50, seq: 4, fix };
    const ack: Ack = { type: 'watermark', producer: 'd1', driver: 'd1', stream: 's', n: 51, accepted: 4, stored: 4 };
    const two = { attempts: [...attempts, fourth], acks: [...acks, ack], watched: [] };
    expect(codes(check({ ...two, history }))).toEqual(['I1 lost']);
    expect(check({ ...two, history: [...history, row('d1', fix, T + 9000)] })).toEqual([]);
  });

  it('reads receipts: what they do not reject is stored', () => {
    const attempts = [0, 1, 2].map((i): Attempt => ({ type: 'attempt', producer: 'p', n: i + 1, driver: 'd1', fix: fixOf(i) }));
    const receipt: Ack = { type: 'receipt', producer: 'p', n: 4, attempts: [1, 2, 3], rejected: [{ index: 1, code: 'rate_limited' }] };
    const history = [0, 2].map((i) => row('d1', fixOf(i)));
    expect(check({ attempts, acks: [receipt], history, watched: [] })).toEqual([]);
    expect(codes(check({ attempts, acks: [receipt], history: history.slice(1), watched: [] }))).toEqual(['I1 lost']);
    expect(codes(check({ attempts, acks: [{ ...receipt, attempts: [1, 2, 3, 9] }], history, watched: [] }))).toEqual(['I1 acked-unsent']);
  });

  it('pairs fixes without a time of their own with rows captured when received', () => {
    const fix: SentFix = { lat: 1, lng: 2, at: null };
    const attempts = [1, 2].map((n): Attempt => ({ type: 'attempt', producer: 'p', n, driver: 'd1', fix }));
    const acks: Ack[] = [{ type: 'receipt', producer: 'p', n: 3, attempts: [1, 2] }];
    const rows = [row('d1', fix, T), row('d1', fix, T + 5000)];
    expect(check({ attempts, acks, history: rows, watched: [] })).toEqual([]);
    expect(codes(check({ attempts, acks, history: rows.slice(1), watched: [] }))).toEqual(['I1 lost']);
    expect(codes(check({ attempts, acks, history: [...rows, row('d1', fix, T + 6000)], watched: [] }))).toEqual(['I1 twice']);
    const dated = rows.map((one) => ({ ...one, timestamp: iso(T - 1) }));
    expect(codes(check({ attempts, acks, history: dated, watched: [] }))).toEqual([
      'I1 lost',
      'I1 lost',
      'I1 never-attempted',
      'I1 never-attempted',
    ]);
  });

  it('asks nothing of a refused number, wants one of two contents of a conflict, and believes base', () => {
    const { attempts, acks, history } = world(3);
    const line = { producer: 'd1', driver: 'd1', stream: 's' };
    const refused: Ack = { ...line, type: 'refusal', n: 90, seq: 2, code: 'invalid_fix' };
    const without = history.toSpliced(1, 1);
    expect(check({ attempts, acks: [...acks, refused], history: without, watched: [] })).toEqual([]);
    expect(codes(check({ attempts, acks: [...acks, { ...refused, code: 'rate_limited' }], history: without, watched: [] }))).toEqual([
      'I1 lost',
    ]);
    const other: Attempt = { ...line, type: 'attempt', n: 3, seq: 2, fix: fixOf(20) };
    const conflict = { attempts: [...attempts, other], acks: [...acks, { ...refused, code: 'conflict' }], watched: [] };
    expect(check({ ...conflict, history })).toEqual([]);
    expect(check({ ...conflict, history: [...without, row('d1', fixOf(20))] })).toEqual([]);
    expect(codes(check({ ...conflict, history: without }))).toEqual(['I1 lost']);
    expect(codes(check({ ...conflict, history: [...history, row('d1', fixOf(20))] }))).toEqual(['I1 twice']);
    const letGo = attempts.map((attempt) => (attempt.seq === 3 ? { ...attempt, base: 3 } : attempt));
    expect(check({ attempts: letGo, acks: acks.slice(2), history: history.slice(2), watched: [] })).toEqual([]);
    expect(codes(check({ attempts: letGo, acks, history: history.slice(2), watched: [] }))).toEqual(['I1 lost', 'I1 lost']);
  });

  it('finds watermarks that cannot be', () => {
    const { attempts, acks, history } = world(3);
    const ack = (stored: number): Ack => ({
      type: 'watermark',
      producer: 'd1',
      driver: 'd1',
      stream: 's',
      n: 99,
      accepted: stored,
      stored,
    });
    expect(codes(check({ attempts, acks: [...acks, ack(5)], history, watched: [] }))).toEqual(['I1 acked-unsent']);
    expect(codes(check({ attempts, acks: [...acks, ack(2)], history, watched: [] }))).toEqual(['I1 stored-fell-back']);
    expect(codes(check({ attempts, acks: [{ ...ack(3), n: 0 }], history, watched: [] }))).toEqual(['I1 acked-unsent']);
    const many = Array.from(
      { length: 17 },
      (_, i): Attempt => ({ type: 'attempt', producer: 'd1', driver: 'd1', stream: `s${i}`, seq: 1, n: 200 + i, fix: fixOf(0) }),
    );
    expect(check({ attempts: [...attempts, ...many], acks: [...acks, ack(2)], history, watched: [] })).toEqual([]);
  });
});

describe('I2', () => {
  it('finds a message that is missing, repeated, or out of order', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 6 }), (at) => {
        expect(seeing((messages) => messages.toSpliced(at, 1))).toEqual(['I2 gap']);
        expect(seeing((messages) => messages.toSpliced(at, 0, messages[at] ?? { type: '' }))).toEqual(['I2 not-increasing']);
      }),
    );
    expect(seeing(([a, b, c, d, e, ...rest]) => [a, b, c, e, d, ...rest].flatMap((one) => one ?? []))).toEqual([
      'I2 gap',
      'I2 not-increasing',
      'I3 moved-back',
    ]);
  });

  it('counts conflated marks, when they fit', () => {
    const mark = (from: number, to: number): WatchedMessage => ({ type: 'conflated', ...driverFeed, from, to });
    expect(seeing((messages) => messages.toSpliced(3, 2, mark(2, 3)))).toEqual([]);
    expect(seeing((messages) => messages.toSpliced(3, 2, mark(3, 3)))).toEqual(['I2 gap']);
    expect(seeing((messages) => messages.toSpliced(3, 2, mark(2, 2)))).toEqual(['I2 gap']);
    expect(seeing((messages) => messages.toSpliced(3, 2, mark(1, 3)))).toEqual(['I2 bad-conflation']);
    expect(seeing((messages) => messages.toSpliced(3, 1, mark(2, 1)))).toEqual(['I2 bad-conflation']);
  });

  it('takes a snapshot or a resume for a start, and nothing else', () => {
    expect(seeing((messages) => messages.slice(2))).toEqual(['I2 no-start']);
    const resume = { type: 'subscribe', feed: 'driver:d1', since: { epoch: 'e1', seq: 2 } };
    expect(seeing((messages) => [resume, ...messages.slice(4)])).toEqual([]);
    expect(seeing((messages) => [resume, ...messages.slice(5)])).toEqual(['I2 gap']);
    expect(seeing((messages) => messages.toSpliced(5, 0, resume, ...messages.slice(4, 5)))).toEqual([]);
    const jump: WatchedMessage = { type: 'snapshot', ...driverFeed, seq: 3, location: null };
    expect(seeing((messages) => messages.toSpliced(3, 2, jump))).toEqual([]);
    expect(seeing((messages) => messages.toSpliced(6, 0, jump))).toEqual(['I2 not-increasing', 'I2 gap']);
  });

  it('starts a new epoch at 1, or by a snapshot, and never an old one again', () => {
    const renamed = (from: number, first: number) => (messages: WatchedMessage[]) =>
      messages
        .map((message, i) => (message.type === 'location' && i >= from ? { ...message, epoch: 'e2', seq: i - from + first } : message))
        .slice(0, -1);
    expect(seeing(renamed(5, 1))).toEqual([]);
    expect(seeing(renamed(5, 2))).toEqual(['I2 gap']);
    const back = (messages: WatchedMessage[]) => messages.map((message, i) => (i === 4 ? { ...message, epoch: 'e2', seq: 1 } : message));
    expect(seeing(back)).toContain('I2 epoch-returned');
  });

  it('finds what a heartbeat knows and nobody got', () => {
    const position = (messages: WatchedMessage[]) => messages.toSpliced(7, 1);
    expect(seeing(position)).toEqual(['I2 tail-lost', 'I3 not-latest']);
    const newer: WatchedMessage = { type: 'heartbeat', feeds: [{ feed: 'driver:d1', epoch: 'e2', seq: 1 }] };
    expect(seeing((messages) => [...messages, newer])).toEqual(['I2 tail-lost']);
    expect(seeing((messages) => [...messages, { ...newer, feeds: [{ feed: 'driver:d1', epoch: 'e2', seq: 0 }] }])).toEqual([]);
  });

  it('keeps watchers and feeds apart', () => {
    const [a, b] = [world(5, 'd1'), world(7, 'd2')];
    const messages = [...(a.watched[0]?.messages ?? []), ...(b.watched[0]?.messages ?? [])];
    const both = { attempts: [...a.attempts, ...b.attempts], acks: [...a.acks, ...b.acks], history: [...a.history, ...b.history] };
    expect(check({ ...both, watched: [{ watcher: 'both', messages }, ...a.watched, ...b.watched] })).toEqual([]);
  });
});

describe('I3', () => {
  const trip = (...messages: WatchedMessage[]): Watched => ({
    watcher: 't',
    messages: messages.map((message, i) => ({ feed: 'trip:t1', epoch: 'e', seq: i, ...message })),
  });
  const at = (i: number): WatchedMessage => ({ type: 'location', driver: 'd1', lat: fixOf(i).lat, lng: 11, timestamp: iso(T + i * 1000) });
  const found = (one: Watched, count = 4): string[] => codes(check({ ...world(count), watched: [one] }));

  it('wants the newest plausible one, by its own judgement', () => {
    const sound = world(4);
    const ahead = row('d1', { ...fixOf(0), at: T + 1e9 }, T + 500);
    const far = row('d1', { ...fixOf(0), lat: 50, at: T + 3500 });
    const input = { ...sound, attempts: [], acks: [] };
    const only3 = (history: HistoryRow[], max: number | null = 300) =>
      codes(check({ ...input, history, maxPlausibleSpeedKmh: max })).filter((code) => code.startsWith('I3'));
    expect(only3([...sound.history, ahead, far])).toEqual([]);
    expect(only3([...sound.history, far], 0)).toEqual(['I3 not-latest']);
    expect(only3([...sound.history, far], null)).toEqual(['I3 not-latest']);
    expect(only3([...sound.history, { ...far, suspect: true }], null)).toEqual([]);
    expect(only3(sound.history.slice(0, -1))).toEqual(['I3 not-latest']);
    expect(only3([])).toEqual(['I3 not-latest']);
  });

  it('finds a watcher that ends too early, elsewhere, or with nothing', () => {
    expect(seeing((messages) => messages.slice(0, 2))).toEqual(['I3 not-latest']);
    expect(seeing((messages) => messages.with(7, { ...messages[7], type: 'location', lat: 1 }))).toEqual(['I3 not-latest']);
    expect(codes(check({ ...world(2), watched: [{ ...(world(2).watched[0] as Watched), messages: [], leftFeeds: [] }] }))).toEqual([]);
  });

  it('finds a marker that moves back', () => {
    expect(found(trip({ type: 'snapshot', location: null }, at(2), at(1), at(3)))).toEqual(['I3 moved-back']);
  });

  it('asks a trip only while it is open and has shown something', () => {
    const start: WatchedMessage = { type: 'snapshot', location: null, trip: { status: 'EN_ROUTE', driverId: 'd1' } };
    const done: WatchedMessage = { type: 'event', event: { id: 't1/status/COMPLETED', kind: 'status', status: 'COMPLETED', tripId: 't1' } };
    const given: WatchedMessage = { type: 'event', event: { id: 'x', kind: 'assignment', tripId: 't1', driverId: 'd9' } };
    expect(found(trip(start))).toEqual([]);
    expect(found(trip(start, at(3)))).toEqual([]);
    expect(found(trip(start, at(2)))).toEqual(['I3 not-latest']);
    expect(found(trip(start, at(2), done))).toEqual([]);
    expect(found(trip(start, at(2), given))).toEqual([]);
    expect(found({ ...trip(start, at(2)), leftFeeds: ['trip:t1'] })).toEqual([]);
    const shown = trip({ ...start, location: { lat: fixOf(3).lat, lng: 11, timestamp: iso(T + 3000) } });
    expect(found(shown)).toEqual([]);
    expect(found(shown, 5)).toEqual(['I3 not-latest']);
  });

  it('reads the fleet', () => {
    const position = (i: number) => ({ driver: 'd1', lat: fixOf(i).lat, lng: 11, timestamp: iso(T + i * 1000) });
    const fleet = (...messages: Omit<WatchedMessage, 'type'>[]): Watched => ({
      watcher: 'f',
      messages: messages.map((message) => ({ type: 'positions', feed: 'fleet', ...message })),
    });
    expect(found(fleet({ full: true, positions: [position(0)] }, { full: false, positions: [position(3)] }))).toEqual([]);
    expect(found(fleet({ full: true, positions: [position(0)] }))).toEqual(['I3 not-latest']);
    expect(found(fleet({ positions: [position(0)] }, { gone: ['d1'] }))).toEqual([]);
  });
});

describe('events', () => {
  const recorded = world(1).events;
  const found = (events: CheckInput['events'], watched: Watched[] = []): string[] =>
    codes(check({ ...world(1), watched, events: events ?? [] }));

  it('finds an id twice, and one occasion under two ids', () => {
    for (const event of recorded) expect(found([...recorded, { ...event }])).toEqual(['events id-twice']);
    expect(found([...recorded, { id: 'other', kind: 'arrived', tripId: 't1', stopId: 's1' }])).toEqual(['events event-twice']);
    expect(found([...recorded, { id: 'other', kind: 'status', tripId: 't1', status: 'ARRIVED' }])).toEqual(['events event-twice']);
    expect(found([...recorded, { id: 'other', kind: 'departed', tripId: 't1', stopId: 's1' }])).toEqual([]);
  });

  it('finds an event that came live under another id; the same id again is allowed', () => {
    const live = (id: string, seq: number): WatchedMessage => ({
      type: 'event',
      feed: 'trip:t1',
      epoch: 'e',
      seq,
      event: { id, kind: 'arrived', tripId: 't1', stopId: 's1' },
    });
    const start: WatchedMessage = { type: 'snapshot', feed: 'trip:t1', epoch: 'e', seq: 0, location: null };
    const watching = (...messages: WatchedMessage[]): Watched[] => [{ watcher: 'w', messages: [start, ...messages] }];
    expect(found(recorded, watching(live('t1/s1/arrived', 1), live('t1/s1/arrived', 2)))).toEqual([]);
    expect(found(recorded, watching(live('mine', 1)))).toEqual(['events two-ids']);
    expect(found([], watching(live('mine', 1), live('yours', 2)))).toEqual(['events two-ids']);
  });
});
