import { ERRORS, type Problem, type WaycastError } from '@waycast/protocol';

/** A refusal as problem details (RFC 9457). `trace`: of the request, as log lines have it. */
export function problemOf({ code, message, field, retryAfter }: WaycastError, trace: string | undefined): Problem {
  const { status, title } = ERRORS[code];
  return {
    type: `urn:waycast:error:${code}`,
    title,
    status,
    code,
    detail: message,
    ...(field !== undefined && { field }),
    ...(retryAfter !== undefined && { retryAfter }),
    ...(trace !== undefined && { trace }),
  };
}
