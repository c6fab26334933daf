import { ERRORS, type ErrorCode, Problem } from '@waycast/protocol';

const content = { 'application/problem+json': { schema: Problem } };

interface Refusal {
  readonly description: string;
  readonly content: typeof content;
}

/** What any route may answer with, for its documentation. */
export const failures = {
  '4xx': refusal(['bad_json', 'bad_request', 'unauthenticated', 'token_expired', 'too_large', 'rate_limited']),
  '5xx': refusal(['internal', 'storage_unavailable']),
} as const;

/** What a route may refuse with beside `failures`: an answer per status, naming its codes. */
export function refusals(...codes: ErrorCode[]): Readonly<Record<string, Refusal>> {
  const byStatus = Map.groupBy(codes, (code) => String(ERRORS[code].status));
  return Object.fromEntries([...byStatus].map(([status, alike]) => [status, refusal(alike)]));
}

function refusal(codes: readonly ErrorCode[]): Refusal {
  return { description: codes.map((code) => `\`${code}\`: ${ERRORS[code].title}.`).join(' '), content };
}
