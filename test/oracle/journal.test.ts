import { appendFileSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { openJournal, readJournals } from './journal.ts';

const folder = mkdtempSync(join(tmpdir(), 'waycast-journal-'));
afterAll(() => rmSync(folder, { recursive: true }));
const fix = { lat: 1, lng: 2, at: 3 };

describe('journal', () => {
  it('gives back what was written, each producer in its order, and can be read while it is written', () => {
    const paths = ['a', 'b'].map((name) => join(folder, name));
    const journals = paths.map((path, i) => openJournal(path, `producer-${i}`));
    for (const journal of journals) {
      expect(journal.attempt({ driver: 'd', fix, stream: 's', seq: 1 })).toBe(1);
      expect(journal.attempt({ driver: 'd', fix })).toBe(2);
      journal.ack({ type: 'watermark', driver: 'd', stream: 's', accepted: 1, stored: 1 });
      journal.ack({ type: 'receipt', attempts: [2] });
    }
    const { attempts, acks } = readJournals(paths);
    expect(attempts).toHaveLength(4);
    expect(attempts[0]).toEqual({ type: 'attempt', producer: 'producer-0', n: 1, driver: 'd', stream: 's', seq: 1, fix });
    expect(acks.map(({ producer, n, type }) => [producer, n, type])).toEqual([
      ['producer-0', 3, 'watermark'],
      ['producer-0', 4, 'receipt'],
      ['producer-1', 3, 'watermark'],
      ['producer-1', 4, 'receipt'],
    ]);
    for (const journal of [...journals, ...journals]) journal.close();
  });

  it('passes over a torn last line', () => {
    const path = join(folder, 'torn');
    const journal = openJournal(path, 'p');
    journal.attempt({ driver: 'd', fix });
    journal.close();
    appendFileSync(path, '{"producer":"p","n":2,"ty');
    expect(readJournals([path]).attempts).toHaveLength(1);
  });
});
