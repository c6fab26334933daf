import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, vi } from 'vitest';
import { type OutsideServices, startOutsideServices } from '../../../../../../test/support/outside-services.ts';
import { HttpDirectory } from '../../../adapters/http-directory/http-directory.ts';
import { openSqliteStore, type SqliteStore } from '../../../adapters/sqlite-store/store.ts';
import type { Stop } from '../../../core/stops.ts';
import type { Trip } from '../../../core/trip.ts';
import type { Hub } from '../../hub.ts';
import type { Principal } from '../../principal.ts';
import { type HubInMemory, hubInMemory } from '../../testing/hub-in-memory.ts';

export const ADMIN: Principal = { sub: 'admin', role: 'admin', trips: undefined, drivers: undefined, labels: undefined, expiresAt: null };
/** Longer than any answer holds, ms. */
export const LATER = 31_000;

/** A slow machine must not decide a test. */
export const soon = <T>(check: () => T | Promise<T>) => vi.waitFor(check, { timeout: 20_000, interval: 10 });

export interface HubOptions {
  /** Which services are set; both by default. */
  readonly rides?: boolean;
  readonly bookings?: boolean;
  /** Those of the file by default. */
  readonly at?: OutsideServices;
}

export interface HubPlace extends HubInMemory {
  /** Log lines. */
  readonly warned: readonly string[];
  /** Of a ride no other test uses. */
  readonly id: string;
}

/** Services in a process of their own for a test file, and hubs over a real store that ask them, closed after each test. */
export function hubsOverServices(): {
  readonly services: () => OutsideServices;
  readonly hubWith: (options?: HubOptions) => Promise<HubPlace>;
  readonly onTestEnd: (close: () => Promise<void>) => void;
} {
  let services: OutsideServices;
  let dataDir: string;
  let store: SqliteStore;
  let count = 0;
  const closing: (() => Promise<void>)[] = [];
  beforeAll(async () => {
    services = await startOutsideServices();
  });
  afterAll(() => services.stop());
  beforeEach(async () => {
    dataDir = mkdtempSync(join(tmpdir(), 'waycast-rides-'));
    store = await openSqliteStore({ dataDir });
    for (const name of ['ride', 'booking'] as const) await services.behave(name, { kind: 'well' });
    services.forget();
  });
  afterEach(async () => {
    for (const close of closing.splice(0)) await close();
    await store.close();
    rmSync(dataDir, { recursive: true });
  });
  const hubWith = async ({ rides = true, bookings = true, at = services }: HubOptions = {}) => {
    const warned: string[] = [];
    const directory = new HttpDirectory({
      rideServiceUrl: rides ? at.url : undefined,
      bookingServiceUrl: bookings ? at.url : undefined,
      warn: (line) => void warned.push(line),
      info: (line) => void warned.push(line),
    });
    const opened = await hubInMemory(store, { directory, warn: (message) => void warned.push(message) });
    closing.push(async () => {
      directory.close();
      await opened.hub.close();
    });
    return { ...opened, warned, id: `r-${++count}` };
  };
  return { services: () => services, hubWith, onTestEnd: (close) => void closing.push(close) };
}

/** The ride as it is found now. */
export async function found(hub: Hub, id: string): Promise<Trip> {
  const one = await hub.rides.find(id);
  if (one === null) throw new Error(`no ride ${id}`);
  return structuredClone(one.trip);
}

/** `b.1.p:approved`, and so on. */
export const told = (stops: readonly Stop[]) =>
  stops.map(({ id, bookingStatus }) => `${id}${bookingStatus === null ? '' : `:${bookingStatus}`}`);
export const statuses = async (hub: Hub, id: string) =>
  (await hub.trips.events(ADMIN, id)).events.flatMap((event) => (event.kind === 'status' ? event.status : []));
