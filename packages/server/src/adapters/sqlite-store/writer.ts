import { isMainThread, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { CursorMoved } from '../../hub/cursor-moved.ts';
import { StartupError } from '../../startup-error.ts';
import type { WriteReply, WriteRequest } from './messages.ts';
import { openWriter, type Writer } from './transactions.ts';

/**
 * The thread that writes. Requests become durable strictly in the order they come; one that the disk refuses is
 * tried again until it goes through, and everything behind it waits: nothing is lost, nothing overtakes.
 */
const RETRY_MS = 250;
const TIDY_EVERY_MS = 2_000;
/** Too big, a constraint, a mismatch, out of range: of this request, not of the database. */
const BREAKING = new Set([18, 19, 20, 25]);
/** Full, I/O, busy, locked, no memory, read-only, cannot open: these pass. Anything else is a fault that waiting will not mend. */
const PASSING = new Set([5, 6, 7, 8, 10, 13, 14]);

const queue: WriteRequest[] = [];
let writer: Writer;
let busy = false;
let stalled = false;
/** The store ends this thread once it has heard so. */
let closed = false;

function say(reply: WriteReply): void {
  parentPort?.postMessage(reply);
}

function run(): void {
  if (closed || (busy && queue[0]?.kind !== 'close')) return;
  busy = true;
  for (let request = next(); request !== undefined; request = next()) {
    try {
      say(carryOut(request));
    } catch (error) {
      if (!canNeverBeDone(error)) {
        stall(error);
        return;
      }
      // What was to follow it in its partitions cannot be done either: their cursors are not there.
      say({ kind: 'failed', message: (error as Error).message, moved: error instanceof CursorMoved ? error.partitions : null });
    }
    queue.shift();
    recovered();
  }
  busy = false;
  tidy();
}

/** What is to be done now; stays in the queue until it is done. */
function next(): WriteRequest | undefined {
  if (queue.length === 0 && parentPort !== null) {
    const arrived = receiveMessageOnPort(parentPort) as { message: WriteRequest } | undefined;
    if (arrived !== undefined) queue.push(arrived.message);
  }
  return queue[0];
}

function carryOut(request: WriteRequest): WriteReply {
  switch (request.kind) {
    case 'commit':
      return { kind: 'committed', duplicates: writer.commit(request) };
    case 'trip':
      return { kind: 'trip', done: writer.changeTrip(request) };
    case 'sessions':
      writer.recordSessions(request);
      return { kind: 'recorded' };
    case 'tried':
      return { kind: 'tried', tries: writer.tried(request) };
    case 'outgoing':
      return { kind: 'outgoing', value: writer.outgoing(request) };
    case 'drop':
      return { kind: 'dropped', rows: writer.drop(request) };
    case 'forget':
      return { kind: 'dropped', rows: writer.forget(request) };
    case 'erase':
      return { kind: 'erased', value: writer.erase(request) };
    case 'close':
      writer.close();
      closed = true;
      return { kind: 'closed' };
  }
}

/** It breaks a rule of the database, or of its types: neither waiting nor the disk has to do with it. */
function canNeverBeDone(error: unknown): boolean {
  const { errcode } = error as { errcode?: number };
  return errcode === undefined || BREAKING.has(errcode & 0xff);
}

function recovered(): void {
  if (!stalled) return;
  stalled = false;
  say({ kind: 'health', health: { ok: true, problem: null } });
}

function stall(error: unknown): void {
  const { errcode, message } = error as { errcode?: number; message: string };
  if (errcode === undefined || !PASSING.has(errcode & 0xff)) {
    // Nothing after it may be done: it would overtake what was lost. The store refuses everything from here on.
    queue.length = 0;
    busy = false;
    say({ kind: 'broken', message });
    return;
  }
  if (!stalled) say({ kind: 'health', health: { ok: false, problem: message } });
  stalled = true;
  setTimeout(() => {
    busy = false;
    run();
  }, RETRY_MS);
}

/** Between requests, move a little of the journal into history. */
function tidy(): void {
  if (closed) return;
  let more: boolean;
  try {
    more = writer.compactSome();
  } catch (error) {
    // What could not be moved stays in the journal; the next commit meets the same disk and says so.
    say({ kind: 'health', health: { ok: false, problem: `history: ${(error as Error).message}` } });
    stalled = true;
    return;
  }
  recovered();
  if (more) setImmediate(run);
}

if (!isMainThread && parentPort !== null) {
  parentPort.on('message', (request: WriteRequest) => {
    queue.push(request);
    // What the disk refuses now it would refuse for ever: who closes then loses what was never acknowledged.
    if (request.kind === 'close' && stalled) queue.splice(0, queue.length - 1);
    run();
  });
  try {
    const { path, maxPages } = workerData as { path: string; maxPages: number | undefined };
    writer = openWriter(path, maxPages);
    setInterval(run, TIDY_EVERY_MS).unref();
    say({ kind: 'ready' });
  } catch (error) {
    say({ kind: 'refused', message: error instanceof StartupError ? error.message : damage(error) });
    parentPort.close();
  }
}

function damage(error: unknown): string {
  const { errcode, message } = error as { errcode?: number; message: string };
  const path = (workerData as { path: string }).path;
  if (errcode === 11 || errcode === 26)
    return `the database ${path} is damaged (${message}): restore a backup, or move the file away to start empty`;
  return `the database ${path} cannot be opened (${message})`;
}
