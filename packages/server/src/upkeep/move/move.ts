import { randomUUID } from 'node:crypto';
import { type Come, MoveTarget } from '../../adapters/postgres-store/move-in.ts';
import { MoveSource, PARTS, type Part } from '../../adapters/sqlite-store/move-out.ts';
import { type Move, sayMoved } from '../../adapters/sqlite-store/moved.ts';
import { StartupError } from '../../startup-error.ts';
import { moveForGood } from '../files.ts';
import { compare } from './compare.ts';
import { serveNobody } from './serve-nobody.ts';

export interface MoveOptions {
  readonly dataDir: string;
  readonly databaseUrl: string;
  readonly connectMs: number;
}

/** Hears how far it is. Rows are counted as they are in the embedded database. */
export interface Watcher {
  /** @param rows of all parts, those included that were moved before */
  phase(what: 'moved' | 'compared', rows: number): void;
  step(part: Part, rows: number): void;
  part(part: Part, rows: number, seconds: number): void;
  end(): void;
}

export interface MoveReport {
  readonly to: string;
  /** ISO. */
  readonly moved: string;
  readonly seconds: number;
  readonly rows: Readonly<Partial<Record<Part, number>>>;
}

/**
 * Moves an embedded database to PostgreSQL, or the rest of it, and compares both row by row [M1, M2].
 * @throws StartupError in one line that says what to do; what is moved by then stays, and counts when it is done again
 */
export async function moveData(options: MoveOptions, watcher: Watcher): Promise<MoveReport> {
  const began = performance.now();
  const source = MoveSource.open(options.dataDir);
  try {
    const target = await MoveTarget.open(options.databaseUrl, options.connectMs, source.firstOfJournal());
    try {
      const { moved, rows } = await moveBetween(source, target, options.dataDir, watcher);
      return { to: target.address.name, moved, seconds: secondsSince(began), rows };
    } catch (cause) {
      if (cause instanceof StartupError) throw cause;
      const said = (cause as Error).message.replaceAll(/\s+/g, ' ');
      throw new StartupError(
        `PostgreSQL at ${target.address.name} did not take it (${said}): mend that and run it again, it goes on where it stopped`,
        {
          cause,
        },
      );
    } finally {
      await target.close();
    }
  } finally {
    watcher.end();
    source.close();
  }
}

async function moveBetween(
  source: MoveSource,
  target: MoveTarget,
  dataDir: string,
  watcher: Watcher,
): Promise<Pick<MoveReport, 'moved' | 'rows'>> {
  const { name } = target.address;
  const before = source.move();
  const move: Move = before ?? { id: randomUUID(), to: name, began: new Date().toISOString(), moved: null };
  const isOurs = await isUnderWay(target, move, before !== null, dataDir);
  const serving = await serveNobody(target, await target.bringUp());
  try {
    // Whoever served it until a moment ago may have left something.
    if (!isOurs) await target.isUnderWay(move.id);
    if (before === null) source.note(move, moveForGood);
    const come = await target.begin(move.id, isOurs);
    const rows = await carry(source, target, come, watcher);
    await target.putDaysInOrder(target.daysIn(come));
    watcher.phase('compared', totalOf(rows));
    for (const part of PARTS) await timed(part, rows[part] ?? 0, watcher, (step) => compare(source, target, part, step));
    const moved = new Date().toISOString();
    // First here: from now on it is the other one that counts, also if this ends before that one knows.
    source.note({ ...move, to: name, moved }, moveForGood);
    await target.end(source.numbers());
    return { moved, rows };
  } finally {
    await serving.close();
  }
}

/** @throws StartupError when this database went elsewhere, or is there already */
async function isUnderWay(target: MoveTarget, move: Move, isNoted: boolean, dataDir: string): Promise<boolean> {
  const there = await target.isUnderWay(move.id).catch((error: unknown) => {
    if (move.moved === null) throw error;
    return false;
  });
  if (there || !isNoted) return there;
  if (move.moved === null && move.to === target.address.name) return false;
  const { what, remedy } = sayMoved(dataDir, move);
  throw new StartupError(
    move.moved === null ? `${what}, not at ${target.address.name}: ${remedy}` : `${what}, there is nothing left to move: ${remedy}`,
  );
}

async function carry(
  source: MoveSource,
  target: MoveTarget,
  come: ReadonlyMap<string, Come>,
  watcher: Watcher,
): Promise<Partial<Record<Part, number>>> {
  const moved: Partial<Record<Part, number>> = {};
  watcher.phase(
    'moved',
    PARTS.reduce((sum, part) => sum + source.count(part), 0),
  );
  for (const part of PARTS) {
    const { after, rows, done } = come.get(part) ?? { after: null, rows: 0, done: false };
    moved[part] = rows;
    if (done) {
      watcher.step(part, rows);
      continue;
    }
    await timed(part, rows, watcher, async (step) => {
      step(rows);
      for (const lot of source.lots(part, after)) {
        await target.add(part, lot.rows, lot.after);
        moved[part] = (moved[part] ?? 0) + lot.rows.length;
        step(lot.rows.length);
      }
      await target.done(part);
    });
  }
  return moved;
}

async function timed(part: Part, before: number, watcher: Watcher, work: (step: (rows: number) => void) => Promise<void>): Promise<void> {
  const began = performance.now();
  let rows = 0;
  await work((more) => {
    rows += more;
    watcher.step(part, more);
  });
  watcher.part(part, Math.max(rows, before), secondsSince(began));
}

function totalOf(rows: Partial<Record<Part, number>>): number {
  return Object.values(rows).reduce((sum, one) => sum + one, 0);
}

function secondsSince(began: number): number {
  return Math.round((performance.now() - began) / 100) / 10;
}
