import { ERRORS, type Problem, type WaycastError } from '@waycast/protocol';

/** A refusal as problem details (RFC 9457). */
export function problemOf({ code, message, field, retryAfter }: WaycastError): Problem {
  const { status, title } = ERRORS[code];
  return {
    type: `urn:waycast:error:${code}`,
    title,
    status,
    code,
    detail: message,
    ...(field !== undefined && { field }),
    ...(retryAfter !== undefined && { retryAfter }),
  };
}
