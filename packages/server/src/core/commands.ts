import type { Actor, DriverProfile, ErrorCode, TripStatus } from '@waycast/protocol';
import type { Fix } from './fix.ts';
import type { Trip, TripChanges } from './trip.ts';

/** A fix and the number its sender gave it; null without one. */
export interface NumberedFix {
  readonly seq: number | null;
  readonly fix: Fix;
}

/**
 * What every command carries: whose it is, when it was received (epoch ms; the only clock core knows), and to whom
 * the outcome goes: `sender` hears watermarks (0: nobody), `reply` hears one answer (0: nobody).
 */
interface Envelope {
  readonly driverId: string;
  readonly receivedAt: number;
  readonly reply: number;
}

export interface FixesCommand extends Envelope {
  readonly kind: 'fixes';
  /** Live fixes are published one by one, of a backlog the newest [O6]. */
  readonly live: boolean;
  readonly stream: string | null;
  readonly base: number | null;
  readonly sender: number;
  readonly fixes: readonly NumberedFix[];
}

/** A number that was refused for good before it got here: it must not hold up the watermark [A2]. */
export interface RefusedCommand extends Envelope {
  readonly kind: 'refused';
  readonly stream: string;
  readonly sender: number;
  readonly seq: number;
  readonly code: ErrorCode;
  readonly message: string;
}

export interface OpenCommand extends Envelope {
  readonly kind: 'open';
  readonly stream: string;
}

/** The trip as the store has it becomes this driver's; known revisions are nothing new. `entry` is the outbox row. */
export interface AdoptCommand extends Envelope {
  readonly kind: 'adopt';
  readonly trip: Trip;
  readonly previous: string | null;
  readonly by: Actor;
  readonly at: number;
  readonly entry: string;
}

export interface ReleaseCommand extends Envelope {
  readonly kind: 'release';
  readonly tripId: string;
  readonly to: string | null;
  readonly patch: TripChanges;
  readonly by: Actor;
  readonly at: number;
}

export interface StatusCommand extends Envelope {
  readonly kind: 'status';
  readonly tripId: string;
  readonly status: TripStatus;
  readonly by: Actor;
  readonly at: number;
}

export interface PatchCommand extends Envelope {
  readonly kind: 'patch';
  readonly tripId: string;
  readonly patch: TripChanges;
  readonly by: Actor;
  readonly at: number;
}

export interface RemoveCommand extends Envelope {
  readonly kind: 'remove';
  readonly tripId: string;
}

/** Somebody writes on a trip. `message` is the id the text has from the start, so that it is kept once. */
export interface MessageCommand extends Envelope {
  readonly kind: 'message';
  readonly tripId: string;
  readonly message: string;
  readonly text: string;
  readonly to: string | null;
  readonly by: Actor;
  readonly at: number;
}

export interface AvailabilityCommand extends Envelope {
  readonly kind: 'availability';
  readonly available: boolean;
}

/** The driver goes off duty at once, without waiting for silence [D2]. */
export interface OfflineCommand extends Envelope {
  readonly kind: 'offline';
}

export interface ProfileCommand extends Envelope {
  readonly kind: 'profile';
  readonly profile: DriverProfile;
}

/** Everything of the driver goes, for good [I10]. */
export interface EraseCommand extends Envelope {
  readonly kind: 'erase';
}

/** Time has passed: whatever silence decides is decided now [D2]. */
export interface TickCommand extends Envelope {
  readonly kind: 'tick';
}

export type Command =
  | FixesCommand
  | RefusedCommand
  | OpenCommand
  | AdoptCommand
  | ReleaseCommand
  | StatusCommand
  | PatchCommand
  | RemoveCommand
  | MessageCommand
  | AvailabilityCommand
  | OfflineCommand
  | ProfileCommand
  | EraseCommand
  | TickCommand;
