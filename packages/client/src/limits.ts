import type { STREAM_LIMITS } from '@waycast/protocol';

// Copies, since only types may come from the protocol in a browser; the literal types keep them equal to the contract.
const message: (typeof STREAM_LIMITS)['message'] = 16_384;
const window: (typeof STREAM_LIMITS)['window'] = 4_096;

/** What the server takes: bytes of one message, and how far a number may be ahead of the lowest one still open. */
export const LIMITS = { message, window } as const;
