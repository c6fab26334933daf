import { describe, expect, it } from 'vitest';
import type { ConnectionSession } from '../storage-ports.ts';
import { places, type StorePlace } from './place.ts';
import { T0 } from './samples.ts';

/** A socket, so many seconds after T0. */
function session(n: number, more: Partial<ConnectionSession> = {}): ConnectionSession {
  return {
    id: `00000000-0000-4000-8000-${String(n).padStart(12, '0')}`,
    subject: 'car-1',
    role: 'driver',
    surface: 'socketio',
    kind: 'WEBSOCKET',
    about: null,
    since: T0 + n * 1_000,
    last: T0 + n * 1_000,
    until: null,
    ...more,
  };
}

/** What any SessionLog must hold: the audit trail of sockets [K16]. */
export function sessionLogContract(name: string, make: () => StorePlace): void {
  const { place, open } = places(make);

  describe(`${name}: connections`, () => {
    it('come back as they were, newest first', async () => {
      const store = await open();
      const plain = session(1, { subject: null, role: null, surface: 'delivery', about: 'trip-1', until: T0 + 9_000 });
      const other = session(2, { kind: 'POLLING', subject: "o'hara <b>" });
      await store.recordSessions([plain, other]);
      expect(await store.sessions({}, 10, null)).toEqual({ items: [other, plain], cursor: null });
    });

    it('are kept at their newest state: another transport, a later sign of life, an end', async () => {
      const store = await open();
      await store.recordSessions([session(1, { kind: 'POLLING' })]);
      await store.recordSessions([session(1, { kind: 'WEBSOCKET', last: T0 + 60_000 })]);
      const ended = session(1, { last: T0 + 61_000, until: T0 + 62_000 });
      await store.recordSessions([ended]);
      expect((await store.sessions({}, 10, null)).items).toEqual([ended]);
    });

    it('are found by whose they are, and by whether they are there', async () => {
      const store = await open();
      await store.recordSessions([session(1, { until: T0 + 5_000 }), session(2), session(3, { subject: 'car-2' })]);
      const found = async (filter: Parameters<typeof store.sessions>[0]) =>
        (await store.sessions(filter, 10, null)).items.map(({ since }) => (since - T0) / 1_000);
      expect(await found({ subject: 'car-1' })).toEqual([2, 1]);
      expect(await found({ open: true })).toEqual([3, 2]);
      expect(await found({ open: false })).toEqual([1]);
      expect(await found({ subject: 'car-1', open: true })).toEqual([2]);
      expect(await found({ subject: 'nobody' })).toEqual([]);
    });

    it('page by page of any size are the same, also where many began at once', async () => {
      const store = await open();
      await store.recordSessions(Array.from({ length: 17 }, (_, n) => session(n, { since: T0 + Math.floor(n / 5) * 1_000 })));
      const whole = (await store.sessions({}, 100, null)).items;
      expect(whole).toHaveLength(17);
      for (const size of [1, 4, 16, 17, 18]) {
        const pages: ConnectionSession[] = [];
        let cursor: string | null = null;
        do {
          const page: Awaited<ReturnType<typeof store.sessions>> = await store.sessions({}, size, cursor);
          expect(page.items.length).toBeLessThanOrEqual(size);
          pages.push(...page.items);
          cursor = page.cursor;
        } while (cursor !== null);
        expect(pages).toEqual(whole);
      }
    });

    it('that were open when their process ended, ended with their last sign of life', async () => {
      const folder = place();
      const before = await open(folder);
      const gone = session(2, { until: T0 + 7_000 });
      await before.recordSessions([session(1, { last: T0 + 33_000 }), gone]);
      await before.close();
      const after = await open(folder);
      expect((await after.sessions({}, 10, null)).items).toEqual([gone, session(1, { last: T0 + 33_000, until: T0 + 33_000 })]);
    });
  });
}
