/**
 * Every error a client can meet, in one table: its stable code, the HTTP status REST answers with,
 * the WebSocket close code where it ends a connection, and a title for people. An entry of its own
 * (`@waycast/protocol/errors`): the threads of a store need no schemas.
 */
export const ERRORS = {
  bad_json: { status: 400, title: 'The body is not valid JSON' },
  bad_request: { status: 400, title: 'The request does not fit its schema' },
  invalid_fix: { status: 422, title: 'The fix does not fit its schema' },
  unknown_type: { status: 400, title: 'No such message type' },
  unauthenticated: { status: 401, close: 4401, title: 'A valid token is required' },
  token_expired: { status: 401, close: 4401, title: 'The token has expired' },
  forbidden: { status: 403, title: 'This role may not do that' },
  forbidden_origin: { status: 403, title: 'Pages of this origin may not connect' },
  not_found: { status: 404, title: 'No such thing, or not for you' },
  session_expired: { status: 410, title: 'The tracking session has expired' },
  trip_exists: { status: 409, title: 'Another trip has this id' },
  illegal_transition: { status: 409, title: 'The trip cannot go from its status to that one' },
  trip_closed: { status: 409, title: 'The trip has ended' },
  trip_started: { status: 409, title: 'The trip has started' },
  driver_has_trips: { status: 409, title: 'The driver has open trips' },
  too_many_webhooks: { status: 409, title: 'There are as many webhooks as there may be' },
  webhook_disabled: { status: 409, title: 'The webhook is disabled' },
  archive_unset: { status: 409, title: 'No archive is set' },
  revision_conflict: { status: 409, title: 'The trip was changed by somebody else meanwhile; read it and try again' },
  too_large: { status: 413, close: 1009, title: 'The message is larger than allowed' },
  conflict: { status: 409, title: 'This number was already used for another fix' },
  stream_not_open: { status: 400, title: 'A numbered fix needs an open stream' },
  out_of_window: { status: 429, title: 'This number is too far ahead of the oldest one still open', retryable: true },
  rate_limited: { status: 429, title: 'Too many requests', retryable: true },
  too_many_connections: { status: 429, close: 4429, title: 'Too many connections of one subject', retryable: true },
  too_many_subscriptions: { status: 429, title: 'Too many subscriptions on one connection' },
  too_many_bad_messages: { status: 400, close: 4400, title: 'Fifty bad messages in a row' },
  slow_consumer: { status: 503, close: 4408, title: 'The connection took nothing for too long' },
  auth_timeout: { status: 401, close: 4401, title: 'No token came within five seconds' },
  storage_unavailable: { status: 503, title: 'The store does not answer; repeat later', retryable: true },
  archive_unavailable: {
    status: 503,
    title: 'History of that time is archived, and the archive does not answer; repeat later',
    retryable: true,
  },
  keys_unavailable: { status: 503, close: 1013, title: 'The keys this token is checked by cannot be had; repeat later', retryable: true },
  directory_unavailable: { status: 503, title: 'A service that has to be asked cannot be; repeat later', retryable: true },
  draining: { status: 503, close: 1012, title: 'This server is going away; come back', retryable: true },
  internal: { status: 500, close: 1011, title: 'Something broke here; the log has it' },
} as const satisfies Record<string, { status: number; close?: number; title: string; retryable?: boolean }>;

export type ErrorCode = keyof typeof ERRORS;

/** Whether the same message, sent again later, may be taken. */
export function isRetryable(code: ErrorCode): boolean {
  return 'retryable' in ERRORS[code];
}

/**
 * The one error class of Waycast. Surfaces map `code` to a status or a close code by `ERRORS`.
 * `field` is a JSON pointer into what was sent; `retryAfter` is in seconds.
 */
export class WaycastError extends Error {
  readonly code: ErrorCode;
  readonly field: string | undefined;
  readonly retryAfter: number | undefined;

  constructor(code: ErrorCode, message?: string, more: { field?: string | undefined; retryAfter?: number | undefined } = {}) {
    super(message ?? ERRORS[code].title);
    this.name = 'WaycastError';
    this.code = code;
    this.field = more.field;
    this.retryAfter = more.retryAfter;
  }
}
