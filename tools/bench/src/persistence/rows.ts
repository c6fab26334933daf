import { newDriver } from '../../../../packages/server/src/core/driver.ts';
import { partitionOf } from '../../../../packages/server/src/hub/partition.ts';
import type { Commit } from '../../../../packages/server/src/hub/storage-ports.ts';
import { baseLat, baseLng, STEP } from '../positions.ts';

type FixRow = Commit['rows'][number];

/** In the order in which `copyLine` writes them. */
export const COLUMNS = 'driver, stream, at, lat, lng, speed, bearing, accuracy, altitude, suspect, received, seq, position';

/** Drivers that report in turn, as their owner hands their fixes to the store. */
export class FixRows {
  readonly #drivers: number;
  /** epoch ms: of today, for which there is a partition */
  readonly #since = Date.now();
  readonly #reached = new Map<number, number>();
  #made = 0;

  constructor(drivers: number) {
    this.#drivers = drivers;
  }

  /** The next so many, one commit; `whole` of their drivers are stored whole with it. */
  commit(count: number, whole: number): Commit {
    const rows = Array.from({ length: count }, () => this.#next());
    const to = new Map<number, number>();
    for (const { driverId, position } of rows) to.set(partitionOf(driverId), position);
    const cursors = Array.from(to, ([partition, position]) => ({ partition, from: this.#reached.get(partition) ?? 0, to: position }));
    for (const [partition, position] of to) this.#reached.set(partition, position);
    const snapshots = rows.slice(0, whole).map(({ driverId, fix, position }) => ({
      ...newDriver(driverId, 'bench'),
      ...{ position, online: true, lastSeenAt: fix.at, latest: fix },
    }));
    const none = { events: [], outbox: [], outboxDone: [], messages: [], trips: [], removedTrips: [], setAside: [], erased: [] };
    return { ...none, rows, cursors, snapshots };
  }

  #next(): FixRow {
    const n = this.#made++;
    const driver = n % this.#drivers;
    const seq = Math.floor(n / this.#drivers) + 1;
    const at = this.#since + seq * 1_000;
    return {
      driverId: `d-${driver}`,
      position: n + 1,
      fix: {
        lat: (baseLat(driver) + seq * STEP) / 1e7,
        lng: baseLng(driver) / 1e7,
        at,
        speed: 36.5,
        bearing: 0,
        accuracy: 8,
        altitude: null,
      },
      receivedAt: this.#since,
      suspect: null,
      stream: 'bench',
      seq,
      ...{ unsure: false, reply: 0 },
    };
  }
}

/** Row `n` of as many drivers as a line of COPY. `first`: the number of driver 0. */
export function copyLine(n: number, drivers: number, received: number, first = 1): string {
  const driver = n % drivers;
  const seq = Math.floor(n / drivers) + 1;
  const place = `${baseLat(driver) + seq * STEP}\t${baseLng(driver)}`;
  return `${first + driver}\t${first + driver}\t${received + seq * 1_000}\t${place}\t3650\t0\t800\t\\N\t0\t${received}\t${seq}\t${n + 1}\n`;
}
