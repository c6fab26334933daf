import type { RestClient } from '@waycast/client';
import type { StoredLocation } from '@waycast/protocol';
import type { HistoryRow } from '../oracle/observed.ts';

/** All of a driver's stored fixes, page by page. */
export async function historyOf(rest: RestClient, driver: string, limit = 5_000): Promise<StoredLocation[]> {
  const rows: StoredLocation[] = [];
  let cursor: string | null | undefined;
  do {
    const page = await rest.locations(driver, { limit, ...(typeof cursor === 'string' && { cursor }) });
    rows.push(...page.locations);
    cursor = page.cursor;
  } while (cursor !== null);
  return rows;
}

/** The same of several, as the checker takes it. */
export async function historiesOf(rest: RestClient, drivers: readonly string[]): Promise<HistoryRow[]> {
  const all = await Promise.all(drivers.map(async (driver) => (await historyOf(rest, driver)).map((row) => ({ driver, ...row }))));
  return all.flat();
}
