import { afterEach } from 'vitest';
import type { Outbox } from '../outbox/ports.ts';
import type { Eraser, Records, SessionLog, SetAside, Store } from '../storage-ports.ts';
import { commitOf, driverAt, row } from './samples.ts';

export type OpenStore = Store & Records & SessionLog & { readonly eraser: Eraser; readonly outbox: Outbox };

/** Where a store keeps what it was given: it can be opened again and again, by one at a time. */
export interface StorePlace {
  open(): Promise<OpenStore>;
  /** Resolves once nothing is left of what the store does by itself afterwards, with everything it may do so with. */
  settled(): Promise<void>;
  /** This many rows in a commit make the store begin with that at once. */
  readonly enough: number;
  /** What was set aside there, as whoever looks into it finds it, by partition and position. */
  setAside(): Promise<readonly SetAside[]>;
  /** All rows there are, as text; a line each, its table first. */
  dump(): Promise<string>;
  /** Makes the snapshot of a driver one that cannot be read. */
  spoil(driverId: string): Promise<void>;
  remove(): Promise<void>;
}

/** A place that several processes have open at the same time: each `open` is another one. */
export interface SharedPlace extends StorePlace {
  readonly isShared: true;
}

/** Places that go when their test ends, and what was opened there before them. */
export function places(make: () => StorePlace): { place: () => StorePlace; open: (at?: StorePlace) => Promise<OpenStore> } {
  const used: StorePlace[] = [];
  const opened: OpenStore[] = [];
  afterEach(async () => {
    // That a store closes is a case of its own: one that does not must not hold up the others.
    await Promise.race([Promise.all(opened.splice(0).map((store) => store.close())), deadline(2_000)]);
    await Promise.all(used.splice(0).map((one) => one.remove()));
  });
  const place = () => {
    const one = make();
    used.push(one);
    return one;
  };
  const open = async (at = place()) => {
    const store = await at.open();
    opened.push(store);
    return store;
  };
  return { place, open };
}

function deadline(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}

/** Many rows of somebody else, so that the store does what it does by itself; and whether it could finish. */
export async function fill(store: OpenStore, at: StorePlace, wholly = true): Promise<void> {
  const rows = Array.from({ length: at.enough }, (_, n) => row(n + 1, n, { driverId: 'filler' }));
  await store.commit(commitOf({ rows, snapshots: [driverAt('filler', rows.length)] }));
  if (wholly) await at.settled();
}
