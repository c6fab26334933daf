import type { ClientErrorCode } from './client-error.ts';

/**
 * How a client stands with its server. `waiting`: it lost the connection or was refused, and tries again in `delay` ms.
 * `closed`: it will not try again, by `close()` or because the server refuses this token for good.
 */
export type ConnectionState =
  | { status: 'connecting' }
  | { status: 'open'; sub: string; role: string; expiresAt: string | null }
  | { status: 'waiting'; delay: number; code: ClientErrorCode; reason: string }
  | { status: 'closed'; code: ClientErrorCode; reason: string };
