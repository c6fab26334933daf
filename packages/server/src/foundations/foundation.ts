import type { Drops, HotPlace } from '../archive/ports.ts';
import type { Outbox } from '../hub/outbox/ports.ts';
import type { Bus, Codes, Hot, Log, Mirror, Ownership, Presence } from '../hub/ports.ts';
import type { Principal, SignIn } from '../hub/principal.ts';
import type { Eraser, Records, SessionLog, Store } from '../hub/storage-ports.ts';

/** How long codes are good, ms. */
export const TICKET_MS = 30_000;
export const SIGN_IN_MS = 900_000;

/** What the hub stands on: one set of adapters for each way of running. */
export interface Foundation {
  /** The number of this process; 0 for one that is alone. */
  readonly home: number;
  readonly ownership: Ownership;
  readonly log: Log;
  readonly hot: Hot;
  readonly bus: Bus;
  readonly presence: Presence;
  readonly mirror?: Mirror;
  readonly store: Store & Records & SessionLog;
  readonly outbox: Outbox;
  /** Where history is, for what takes out of it what is past retention. */
  readonly history: HotPlace;
  /** The only way to drop some of it, where there is but one writer. */
  readonly drops: Drops | null;
  readonly eraser: Eraser;
  readonly tickets: Codes<Principal>;
  readonly signIns: Codes<SignIn>;
  /** How Redis does. */
  redis(): 'ok' | 'unreachable' | 'unused';
  /** After the hub has closed. Twice is safe. */
  close(): Promise<void>;
}

/** What every foundation needs to be told, and tells. */
export interface Ground {
  readonly info: (message: string) => void;
  /** It goes on, or is tried again; what to look at if it stays so. */
  readonly warn: (message: string, error: unknown) => void;
  /** Something does not work until somebody mends it. */
  readonly error: (message: string, error: unknown) => void;
  readonly fatal: (error: unknown) => void;
  readonly storeHealth: (health: { readonly ok: boolean; readonly problem: string | null }) => void;
}
