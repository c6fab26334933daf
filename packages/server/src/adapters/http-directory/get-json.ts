import { get, Unusable } from '../../http-get.ts';
import { currentTrace, traceHeaders } from '../../trace/trace.ts';

/** An answer may take this long altogether, ms, and be this large. */
export const WITHIN_MS = 2_000;
export const MOST_BYTES = 1_048_576;

/** The service cannot be asked now: another try may succeed. */
export class Unanswered extends Error {}

/** The service answered, and asking again would bring the same. */
export class WrongAnswer extends Error {}

/**
 * Asks once, on behalf of whose trace it is. Redirects are not followed: the operator named the address, nobody else does.
 * @returns the parsed body; undefined for a 404
 * @throws Unanswered, WrongAnswer: in a few words, without anything that was sent
 */
export async function getJson(url: URL, closed: AbortSignal): Promise<unknown> {
  // Not AbortSignal.timeout: it may be collected, and then never fire, while only the request looks at it.
  const over = new AbortController();
  const stop = () => over.abort();
  const timer = setTimeout(stop, WITHIN_MS).unref();
  closed.addEventListener('abort', stop);
  try {
    if (closed.aborted) throw new WrongAnswer('this server is closing');
    const headers = { accept: 'application/json', ...traceHeaders(currentTrace()) };
    const { status, text } = await get({ url, headers, most: MOST_BYTES, signal: over.signal });
    if (status === 200) return parsed(text);
    if (status === 404) return undefined;
    const told = `it answered ${status}`;
    throw status >= 500 ? new Unanswered(told) : new WrongAnswer(told);
  } catch (error) {
    if (error instanceof WrongAnswer || error instanceof Unanswered) throw error;
    if (closed.aborted) throw new WrongAnswer('this server is closing', { cause: error });
    if (over.signal.aborted) throw new Unanswered(`it did not answer within ${WITHIN_MS / 1_000} s`, { cause: error });
    if (error instanceof Unusable) throw new WrongAnswer(error.message, { cause: error });
    const { code } = error as { code?: string };
    throw new Unanswered(`it cannot be reached (${code ?? (error as Error).message})`, { cause: error });
  } finally {
    clearTimeout(timer);
    closed.removeEventListener('abort', stop);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // Without the parser's own words: they quote what was sent.
    throw new WrongAnswer('it sent no JSON');
  }
}
