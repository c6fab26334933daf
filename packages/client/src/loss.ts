import type { ErrorMessage } from '@waycast/protocol';
import type { ClientErrorCode } from './client-error.ts';

/** Why a connection ended. */
export interface Loss {
  code: ClientErrorCode;
  reason: string;
  /** ms the server asked to stay away */
  retryAfter: number;
  /** the same token would be refused again */
  refused: boolean;
}

const CLOSES: Record<string, { close: number; refused: boolean }> = {
  unauthenticated: { close: 4401, refused: true },
  token_expired: { close: 4401, refused: true },
  auth_timeout: { close: 4401, refused: false },
  forbidden: { close: 4401, refused: true },
  forbidden_origin: { close: 4401, refused: true },
  too_large: { close: 1009, refused: false },
  internal: { close: 1011, refused: false },
  draining: { close: 1012, refused: false },
  keys_unavailable: { close: 1013, refused: false },
  too_many_bad_messages: { close: 4400, refused: false },
  slow_consumer: { close: 4408, refused: false },
  too_many_connections: { close: 4429, refused: false },
};

/**
 * Reads a close: its reason may be the code's name, or an `error` message said it before, or only the number tells.
 * `said` is the last error on this connection; after `welcome` it counts only when it goes with the number.
 */
export function closeLoss(close: number, text: string, said: ErrorMessage | undefined, wasOpen: boolean): Loss {
  const trusted = said !== undefined && (!wasOpen || CLOSES[said.code]?.close === close) ? said : undefined;
  const byNumber = Object.keys(CLOSES).find((code) => CLOSES[code]?.close === close);
  const code = Object.hasOwn(CLOSES, text) ? text : (trusted?.code ?? byNumber ?? 'network');
  const about = trusted?.code === code ? trusted : undefined;
  return {
    code: code as ClientErrorCode,
    reason: about?.message ?? (text === '' ? `the connection closed (${close})` : text),
    retryAfter: (about?.retryAfter ?? 0) * 1000,
    refused: Object.hasOwn(CLOSES, code) && CLOSES[code]?.refused === true,
  };
}
