import { WaycastError } from '@waycast/protocol';
import {
  type BulkheadPolicy,
  bulkhead,
  type CircuitBreakerPolicy,
  ConsecutiveBreaker,
  circuitBreaker,
  ExponentialBackoff,
  handleWhen,
  isBrokenCircuitError,
  isBulkheadRejectedError,
  type RetryPolicy,
  retry,
  wrap,
} from 'cockatiel';
import { getJson, Unanswered } from './get-json.ts';

const RETRIES = 2;
const FIRST_PAUSE_MS = 100;
const LONGEST_PAUSE_MS = 1_000;
const FAILURES_TO_OPEN = 5;
const OPEN_MS = 10_000;
const AT_ONCE = 16;
const MOST_WAITING = 2_000;

export interface OutsideServiceParts {
  /** As log lines and refusals call it: `ride service`. */
  readonly name: string;
  /** What `/api/v1/...` is put after. */
  readonly base: string;
  readonly warn: (message: string) => void;
  readonly info: (message: string) => void;
}

/**
 * One service that is asked over HTTP: so many questions at once, each tried again with growing, random pauses; after
 * five failures in a row it is left alone for ten seconds. An answer that makes no sense is no failure of these: the
 * service is there.
 */
export class OutsideService {
  readonly #parts: OutsideServiceParts;
  readonly #closing = new AbortController();
  readonly #breaker: CircuitBreakerPolicy;
  readonly #policy: { execute<T>(work: () => Promise<T>): Promise<T> };
  #openedAt = 0;

  constructor(parts: OutsideServiceParts) {
    this.#parts = parts;
    const transient = handleWhen((error) => error instanceof Unanswered);
    const backoff = new ExponentialBackoff({ initialDelay: FIRST_PAUSE_MS, maxDelay: LONGEST_PAUSE_MS });
    const retries: RetryPolicy = retry(transient, { maxAttempts: RETRIES, backoff }).dangerouslyUnref();
    const crowd: BulkheadPolicy = bulkhead(AT_ONCE, MOST_WAITING);
    this.#breaker = circuitBreaker(transient, { halfOpenAfter: OPEN_MS, breaker: new ConsecutiveBreaker(FAILURES_TO_OPEN) });
    this.#policy = wrap(retries, crowd, this.#breaker);
    this.#breaker.onBreak(() => {
      // Date.now as the breaker itself does: the two must agree on when it is asked again.
      this.#openedAt = Date.now();
      parts.warn(`the ${parts.name} does not answer: it is left alone for ${OPEN_MS / 1_000} s`);
    });
    this.#breaker.onReset(() => parts.info(`the ${parts.name} answers again`));
  }

  /**
   * Asks for a path and reads the answer; null for a 404.
   * @throws WaycastError `directory_unavailable`, whatever it was; the log has it
   */
  async get<T>(path: string, read: (body: unknown) => T): Promise<T | null> {
    const url = new URL(`${this.#parts.base.replace(/\/+$/, '')}${path}`);
    try {
      const body = await this.#policy.execute(() => getJson(url, this.#closing.signal));
      return body === undefined ? null : read(body);
    } catch (error) {
      throw this.#unavailable(error);
    }
  }

  /** Lets go of every question on its way. */
  close(): void {
    this.#closing.abort();
  }

  #unavailable(error: unknown): WaycastError {
    const { name, warn } = this.#parts;
    const refusal = (retryAfter: number) =>
      new WaycastError('directory_unavailable', `the ${name} cannot be asked now; repeat later`, { retryAfter });
    if (isBrokenCircuitError(error)) return refusal(Math.max(1, Math.ceil((this.#openedAt + OPEN_MS - Date.now()) / 1_000)));
    if (isBulkheadRejectedError(error)) return refusal(1);
    if (!this.#closing.signal.aborted) warn(`the ${name} is of no use: ${(error as Error).message}`);
    return refusal(2);
  }
}
