import type { ErrorCode } from '@waycast/protocol';

/**
 * `ErrorCode` is what the server said; the others happen on this side: no answer, too late, already closed,
 * or an answer that is not Waycast's.
 */
export type ClientErrorCode = ErrorCode | 'network' | 'timeout' | 'closed' | 'unexpected';

export interface ClientErrorDetails {
  /** HTTP status; 0 when the error did not come as an HTTP answer */
  status?: number | undefined;
  /** JSON pointer into what was sent */
  field?: string | undefined;
  /** s */
  retryAfter?: number | undefined;
  cause?: unknown;
}

/** The one error class of this package. `code` is stable, `detail` is for people. */
export class ClientError extends Error {
  readonly code: ClientErrorCode;
  readonly status: number;
  readonly detail: string;
  readonly field: string | undefined;
  readonly retryAfter: number | undefined;

  constructor(code: ClientErrorCode, detail: string, more: ClientErrorDetails = {}) {
    super(detail, { cause: more.cause });
    this.name = 'ClientError';
    this.code = code;
    this.status = more.status ?? 0;
    this.detail = detail;
    this.field = more.field;
    this.retryAfter = more.retryAfter;
  }
}
