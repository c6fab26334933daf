import { expect, it } from 'vitest';
import type { Records } from '../hub/storage-ports.ts';
import { ArchivedRecords } from './archived-records.ts';
import { ArchiveSilent, ArchiveTrouble, DAY_MS } from './ports.ts';

const TODAY = 20_400;

/** Of an archive that says this when it is asked, and hot history without anything. */
function scene(trouble: () => Error | null) {
  const nothing = { items: [], cursor: null };
  const hot = { locations: async () => nothing } as unknown as Records;
  let clock = TODAY * DAY_MS;
  const told: string[] = [];
  let asked = 0;
  const ask = async <T>(answer: T): Promise<T> => {
    asked++;
    const error = trouble();
    if (error !== null) throw error;
    return answer;
  };
  const records = new ArchivedRecords({
    hot,
    archive: {
      has: async (_from, _to, atOnce) => (atOnce ? { reaches: false, newest: null } : ask({ reaches: true, newest: TODAY - 40 })),
      track: () => ask({ rows: [], until: null }),
      passes: () => ask([]),
    },
    erased: async () => [],
    retentionDays: 30,
    now: () => clock,
    warn: (_, error) => void told.push((error as Error).message),
  });
  const look = (day: number) =>
    records.locations('d', day * DAY_MS, (day + 1) * DAY_MS, 10, null).catch((error: { code: string }) => error.code);
  return {
    told,
    asked: () => asked,
    pass: (ms: number) => {
      clock += ms;
    },
    old: () => look(TODAY - 50),
    recent: () => look(TODAY - 1),
    nothing,
  };
}

it('an archive that does not answer is left alone for 10 s: nobody else waits for it meanwhile [I5]', async () => {
  let silent = true;
  const { told, asked, pass, old, recent, nothing } = scene(() => (silent ? new ArchiveSilent('it did not answer within 30 s') : null));
  expect(await old()).toBe('archive_unavailable');
  expect(asked()).toBe(1);
  expect([await old(), await old(), await recent()]).toEqual(['archive_unavailable', 'archive_unavailable', nothing]);
  expect(asked()).toBe(1);
  pass(10_001);
  expect(await old()).toBe('archive_unavailable');
  expect(asked()).toBe(2);
  expect(told).toEqual(['it did not answer within 30 s']);
  silent = false;
  pass(10_001);
  expect(await old()).toEqual(nothing);
});

it('each trouble of the archive is told once, until it could be read again; what refuses is asked every time [I5]', async () => {
  let trouble: string | null = 'no such folder';
  const { told, asked, old, recent, nothing } = scene(() => (trouble === null ? null : new ArchiveTrouble(trouble)));
  for (let n = 0; n < 3; n++) {
    expect(await old()).toBe('archive_unavailable');
    // Of what is hot nothing is asked, so it shows nothing.
    expect(await recent()).toEqual(nothing);
  }
  expect([asked(), told]).toEqual([3, ['no such folder']]);
  trouble = 'no rights';
  await old();
  await old();
  trouble = null;
  await old();
  trouble = 'no rights';
  await old();
  expect(told).toEqual(['no such folder', 'no rights', 'no rights']);
});
