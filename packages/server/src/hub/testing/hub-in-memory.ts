import { MemoryBus } from '../../adapters/memory-bus.ts';
import { MemoryHot } from '../../adapters/memory-hot.ts';
import { MemoryLog } from '../../adapters/memory-log.ts';
import { MemoryOwnership } from '../../adapters/memory-ownership.ts';
import { MemoryPresence } from '../../adapters/memory-presence.ts';
import type { SqliteStore } from '../../adapters/sqlite-store/store.ts';
import { ManualClock } from '../contracts/manual-clock.ts';
import { type Hub, type HubParts, openHub } from '../hub.ts';
import { nothingOutgoing } from '../outbox/outgoing.ts';

const NO_RATE = { perSecond: Number.POSITIVE_INFINITY, burst: 1 };

export interface HubInMemory {
  readonly hub: Hub;
  readonly clock: ManualClock;
  readonly bus: MemoryBus;
}

/** A hub as a process that is alone has it, by a clock that a test moves; nothing is limited, and no fix implausible. */
export async function hubInMemory(store: SqliteStore, more: Partial<Omit<HubParts, 'clock' | 'bus'>> = {}): Promise<HubInMemory> {
  const clock = new ManualClock();
  const bus = new MemoryBus();
  let epochs = 0;
  const hub = await openHub({
    home: 0,
    ownership: new MemoryOwnership(),
    log: new MemoryLog(),
    hot: new MemoryHot(clock),
    bus,
    store,
    records: store,
    eraser: store.eraser,
    presence: new MemoryPresence(),
    sessions: store,
    clock,
    rules: { maxPlausibleSpeedKmh: 0, deliveriesMayJump: false },
    meter: {
      taken: () => undefined,
      accepted: () => undefined,
      delivered: () => undefined,
      stored: () => undefined,
      refused: () => undefined,
    },
    outgoing: nothingOutgoing,
    liveRate: NO_RATE,
    backlogRate: NO_RATE,
    replyTimeoutMs: 5_000,
    canary: null,
    newEpoch: () => `e${++epochs}`,
    fatal: (error) => {
      throw error;
    },
    warn: () => undefined,
    error: () => undefined,
    info: () => undefined,
    ...more,
  });
  return { hub, clock, bus };
}
