import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterEach, describe, expect, it } from 'vitest';
import { FolderArchive } from '../../adapters/archive-folder.ts';
import type { FixRow } from '../../core/effects.ts';
import { fixRowOf, type HistoryFix } from '../../core/kept-fix.ts';
import { commitOf, driverAt, row } from '../../hub/contracts/samples.ts';
import type { ConnectionSession, PassSearch, Records, SessionLog, Store } from '../../hub/storage-ports.ts';
import { ArchiveReader } from '../archive-reader.ts';
import { ArchivedRecords } from '../archived-records.ts';
import { listParts } from '../catalogue.ts';
import { keep } from '../keeping.ts';
import { type ArchiveFiles, ArchiveTrouble, DAY_MS, type HotHistory } from '../ports.ts';
import { DAY, fixesOn } from './fixes.ts';

/** A store to keep within its retention. */
export interface KeptStore {
  readonly store: Store & Records & SessionLog;
  /** As a run opens it. */
  hot(): Promise<HotHistory>;
  /** Resolves once history has all that was committed. */
  settled(): Promise<void>;
  /** How many fixes received on a day are in its tables. */
  count(day: number): Promise<number>;
  close(): Promise<void>;
}

const NOW = (DAY + 40) * DAY_MS + 5_000;
const RETENTION = 30;
const DRIVERS = ['a', 'b', 'a-longer.name'];
const FOREVER = Number.MAX_SAFE_INTEGER;

/** Rows received on some days, of few drivers, so that they meet. */
function rowsOn(...days: number[]): fc.Arbitrary<FixRow[]> {
  return fc.tuple(...days.map((day) => fixesOn(day, 40))).map((lots) => {
    const rows = lots.flat().sort((a, b) => a.received - b.received);
    return rows.map((fix, n) => fixRowOf(fix, DRIVERS[fix.id % DRIVERS.length] as string, n + 1));
  });
}

/** What a store of history has to do so that days can leave it, and how they are found again [I1-I5]. */
export function keepingContract(name: string, open: () => Promise<KeptStore>): void {
  const opened: KeptStore[] = [];
  const folders: string[] = [];
  afterEach(async () => {
    for (const one of opened.splice(0)) await one.close();
    for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
  });

  const scene = async () => {
    const kept = await open();
    opened.push(kept);
    const folder = mkdtempSync(join(tmpdir(), 'waycast-keeping-'));
    folders.push(folder);
    mkdirSync(folder, { recursive: true });
    const files = new FolderArchive(folder);
    const run = async (place: ArchiveFiles | null = files, known = async () => undefined) => {
      const hot = await kept.hot();
      try {
        return await keep({ hot, files: place, retentionDays: RETENTION, now: NOW, known, told: () => undefined });
      } finally {
        await hot.close();
      }
    };
    const commit = async (rows: readonly FixRow[]) => {
      await kept.store.commit(commitOf({ rows, snapshots: DRIVERS.map((id) => driverAt(id, rows.length)) }));
      await kept.settled();
    };
    const archived = () => recordsOver(kept.store, files);
    return { kept, files, run, commit, archived };
  };

  describe(`${name}: history past retention`, () => {
    it('leaves the store for the archive, and is answered as before, whatever is asked [I1, I4]', async () => {
      const sample = fc.sample(rowsOn(DAY, DAY + 1, DAY + 9, DAY + 10, DAY + 39), 4);
      for (const rows of sample) {
        const { kept, run, commit, archived } = await scene();
        await commit(rows);
        const before = await everything(kept.store);
        const old = rows.filter(({ receivedAt }) => receivedAt < (DAY + 10) * DAY_MS);
        const report = await run();
        expect(report).toMatchObject({ days: 3, archived: old.length, dropped: old.length });
        for (const day of [DAY, DAY + 1, DAY + 9]) expect(await kept.count(day)).toBe(0);
        for (const day of [DAY + 10, DAY + 39]) expect(await kept.count(day)).toBeGreaterThan(0);
        expect(await everything(archived())).toEqual(before);
        await fc.assert(
          fc.asyncProperty(fc.constantFrom(...DRIVERS), moment(), moment(), fc.integer({ min: 1, max: 30 }), async (driver, a, b, size) => {
            const [from, to] = [Math.min(a, b), Math.max(a, b)];
            const all = (before.get(driver) ?? []).filter(({ fix }) => fix.at >= from && fix.at <= to);
            expect(await paged(archived(), driver, from, to, size)).toEqual(all);
            const last = (before.get(driver) ?? []).filter(({ fix }) => fix.at < to && fix.at >= from).slice(-size);
            expect(withoutPosition(await archived().locationsBefore(driver, to, size, from))).toEqual(last);
          }),
          { numRuns: 25 },
        );
        expect(await run()).toMatchObject({ days: 0, archived: 0, dropped: 0 });
      }
    });

    it('is found again by who passed a place [I4, Q1]', async () => {
      const { kept, run, commit, archived } = await scene();
      const near = (n: number, day: number, driverId: string) =>
        row(n, 0, { driverId, fix: placeOf(n, day * DAY_MS + n * 1_000), receivedAt: day * DAY_MS + n * 1_000 });
      const rows = Array.from({ length: 60 }, (_, n) => near(n + 1, n < 30 ? DAY : DAY + 20, DRIVERS[n % 3] as string));
      await commit(rows);
      const searches = [3, 30, 300].flatMap((radius): PassSearch[] => [
        { lat: 44.5, lng: 11.3, radius, from: 0, to: FOREVER, drivers: null },
        { lat: 44.5, lng: 11.3, radius, from: DAY * DAY_MS + 5_000, to: (DAY + 20) * DAY_MS + 40_000, drivers: ['a', 'b'] },
      ]);
      const before = await Promise.all(searches.flatMap((search) => [1, 10].map((limit) => kept.store.passes(search, limit))));
      expect(before.some(({ isComplete }) => !isComplete)).toBe(true);
      await run();
      expect(await kept.count(DAY)).toBe(0);
      const after = await Promise.all(searches.flatMap((search) => [1, 10].map((limit) => archived().passes(search, limit))));
      expect(after).toEqual(before);
    });

    it('that comes late for a day that is archived follows it there [I3]', async () => {
      const { kept, files, run, commit, archived } = await scene();
      const [first, second] = fc.sample(rowsOn(DAY), 2) as [FixRow[], FixRow[]];
      await commit(first);
      await run();
      await commit(second);
      const both = [...first, ...second].length;
      expect((await run())?.archived).toBe(second.length);
      expect(await kept.count(DAY)).toBe(0);
      expect(await listParts(files)).toHaveLength(2);
      const all = await everything(archived());
      expect([...all.values()].flat()).toHaveLength(both);
    });

    it('stays while the archive cannot be written, gives back something else, or the run is ended [I2]', async () => {
      const { kept, files, run, commit, archived } = await scene();
      const [rows] = fc.sample(rowsOn(DAY, DAY + 2), 1) as [FixRow[]];
      await commit(rows);
      const before = await everything(kept.store);
      const stays = async () => {
        expect(await everything(kept.store)).toEqual(before);
        expect(await everything(archived())).toEqual(before);
      };
      const full = withFault(files, { write: () => Promise.reject(new ArchiveTrouble('no space left')) });
      await expect(run(full)).rejects.toThrow('no space left');
      await stays();
      const lying = withFault(files, { read: async (file, from, to) => (await files.read(file, from, to)).map((byte) => byte ^ 1) });
      await expect(run(lying)).rejects.toThrow(/is damaged/);
      await stays();
      expect(await listParts(files)).toEqual([]);
      // Everything is in the archive, and nothing dropped yet: both have it, and it is told once.
      await expect(run(files, () => Promise.reject(new Error('ended')))).rejects.toThrow('ended');
      await stays();
      const parts = await listParts(files);
      expect(await run()).toMatchObject({ days: 2, archived: 0, bytes: 0, dropped: rows.length });
      expect(await listParts(files)).toEqual(parts);
      expect(await everything(archived())).toEqual(before);
    });

    it('is dropped for good where that was asked for', async () => {
      const { kept, run, commit } = await scene();
      const [rows] = fc.sample(rowsOn(DAY, DAY + 39), 1) as [FixRow[]];
      await commit(rows);
      const old = rows.filter(({ receivedAt }) => receivedAt < (DAY + 1) * DAY_MS).length;
      expect(await run(null)).toMatchObject({ days: 1, archived: 0, dropped: old });
      expect(await kept.count(DAY)).toBe(0);
      expect(await kept.count(DAY + 39)).toBe(rows.length - old);
    });

    it('takes who was connected then with it, for good; who is still there, or was later, stays [I7]', async () => {
      const { kept, run } = await scene();
      const kinds: [count: number, since: number, until: number | null][] = [
        [5_300, 9, 9],
        [3, 9, 10],
        [2, 10, 10],
        [4, 5, null],
      ];
      const sessions = kinds.flatMap(([count, since, until], kind) =>
        Array.from({ length: count }, (_, n) =>
          connection(`${kind}-${n}`, (DAY + since) * DAY_MS + n, until === null ? null : (DAY + until) * DAY_MS + n + 1),
        ),
      );
      await kept.store.recordSessions(sessions);
      expect(await run()).toMatchObject({ days: 0, connections: 5_300 });
      const { items } = await kept.store.sessions({}, 100, null);
      expect(items.map(({ id }) => id).sort()).toEqual(['1-0', '1-1', '1-2', '2-0', '2-1', '3-0', '3-1', '3-2', '3-3']);
      expect(await run()).toMatchObject({ connections: 0 });
    });

    it('of which nothing can be had is refused by name; what is hot is answered [I5]', async () => {
      const { kept, files, run, commit } = await scene();
      const [rows] = fc.sample(rowsOn(DAY, DAY + 39), 1) as [FixRow[]];
      await commit(rows);
      await run();
      const away = withFault(files, { list: () => Promise.reject(new ArchiveTrouble('nobody there')) });
      const records = recordsOver(kept.store, away);
      await expect(records.locations('a', 0, FOREVER, 10, null)).rejects.toMatchObject({ code: 'archive_unavailable' });
      await expect(records.passes({ lat: 0, lng: 0, radius: 1, from: 0, to: 1, drivers: null }, 1)).rejects.toMatchObject({
        code: 'archive_unavailable',
      });
      const since = (DAY + 10) * DAY_MS;
      const hot = await kept.store.locations('a', since, FOREVER, 100, null);
      expect(await records.locations('a', since, FOREVER, 100, null)).toEqual(hot);
    });
  });
}

function connection(id: string, since: number, until: number | null): ConnectionSession {
  return { id, subject: 'a', role: 'driver', surface: 'stream', kind: 'WEBSOCKET', about: null, since, last: until ?? since, until };
}

function moment(): fc.Arbitrary<number> {
  return fc.oneof(
    fc.integer({ min: (DAY - 2) * DAY_MS, max: (DAY + 41) * DAY_MS }),
    fc.constantFrom(0, DAY * DAY_MS, (DAY + 1) * DAY_MS, (DAY + 1) * DAY_MS - 1, FOREVER),
  );
}

function placeOf(n: number, at: number): ReturnType<typeof row>['fix'] {
  return { lat: 44.5 + n * 1e-5, lng: 11.3, at, speed: null, bearing: null, accuracy: null, altitude: null };
}

function recordsOver(hot: Records, files: ArchiveFiles): ArchivedRecords {
  const archive = new ArchiveReader(files, () => performance.now());
  // A server asks once when it starts.
  const begun = archive.has(0, 0, false).catch(() => undefined);
  const told = { has: (from: number, to: number, atOnce: boolean) => begun.then(() => archive.has(from, to, atOnce)) };
  return new ArchivedRecords({
    hot,
    archive: { ...told, track: (question) => archive.track(question), passes: (search) => archive.passes(search) },
    erased: async () => [],
    retentionDays: RETENTION,
    now: () => NOW,
    warn: () => undefined,
  });
}

async function everything(records: Pick<Records, 'locations'>): Promise<Map<string, HistoryFix[]>> {
  const all = new Map<string, HistoryFix[]>();
  for (const driver of DRIVERS) all.set(driver, await paged(records, driver, 0, FOREVER, 1_000));
  return all;
}

/** History need not keep where in the log a fix was. */
function withoutPosition(rows: readonly HistoryFix[]): HistoryFix[] {
  return rows.map((one) => ({ ...one, position: 0 }));
}

async function paged(records: Pick<Records, 'locations'>, driver: string, from: number, to: number, size: number): Promise<HistoryFix[]> {
  const rows: HistoryFix[] = [];
  let cursor: string | null = null;
  do {
    const page: Awaited<ReturnType<Records['locations']>> = await records.locations(driver, from, to, size, cursor);
    rows.push(...withoutPosition(page.items));
    cursor = page.cursor;
  } while (cursor !== null);
  return rows;
}

/** A real archive of which something goes wrong. */
function withFault(files: ArchiveFiles, fault: Partial<ArchiveFiles>): ArchiveFiles {
  return {
    list: () => files.list(),
    read: (name, from, to) => files.read(name, from, to),
    write: (name, bytes) => files.write(name, bytes),
    remove: (name) => files.remove(name),
    tidy: () => files.tidy(),
    close: () => files.close(),
    ...fault,
  };
}
