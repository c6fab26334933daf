import { WaycastError } from '@waycast/protocol';
import type { Clock } from '../hub/ports.ts';
import { type FetchedKeys, fetchKeys, type KeyOf } from './fetch-keys.ts';

/** Where the keys for RS256 and ES256 come from. */
export interface KeySource {
  /**
   * The keys at hand. While the first are on their way, it waits.
   * @throws WaycastError `keys_unavailable` when there are none yet
   */
  current(): Promise<KeyOf>;
  /**
   * Keys later than those known, fetched if that may be; undefined when the known ones are the latest.
   * @throws WaycastError `keys_unavailable` when that cannot be told
   */
  laterThan(known: KeyOf): Promise<KeyOf | undefined>;
}

export interface JwksParts {
  readonly url: string;
  readonly clock: Clock;
  /** Told when fetching stops working, and when it works again. */
  readonly onHealth: (health: { ok: boolean; problem: string | null }) => void;
  readonly timeoutMs?: number;
}

const TIMEOUT_MS = 5_000;
const LOOK_MS = 1_000;
const REFRESH_MS = 600_000;
const LEAST_REFRESH_MS = 60_000;
/** Between a fetch and one that only a token asked for. */
const APART_MS = 30_000;
const FIRST_RETRY_MS = 1_000;

/**
 * The keys published at an address, kept fresh in the background [J5, J6]. Keys once fetched stay until others are: a
 * provider that is away for a day takes nobody's token away.
 */
export class Jwks implements KeySource {
  readonly #parts: JwksParts;
  readonly #closed = new AbortController();
  #keys: KeyOf | undefined;
  #flight: Promise<void> | undefined;
  #askedAt = 0;
  #nextAt = 0;
  #failures = 0;
  #stop: (() => void) | undefined;

  constructor(parts: JwksParts) {
    this.#parts = parts;
  }

  /** Fetches for the first time, in the background, and from then on whenever it is due. */
  start(): void {
    if (this.#stop !== undefined) return;
    this.#stop = this.#parts.clock.every(LOOK_MS, () => this.#look());
    this.#fetch();
  }

  close(): void {
    this.#stop?.();
    this.#closed.abort();
  }

  async current(): Promise<KeyOf> {
    if (this.#keys === undefined) await this.#flight;
    if (this.#keys === undefined) throw this.#unavailable();
    return this.#keys;
  }

  async laterThan(known: KeyOf): Promise<KeyOf | undefined> {
    if (this.#keys === known && this.#hasPassed(APART_MS)) this.#fetch();
    if (this.#keys === known) await this.#flight;
    if (this.#keys !== known) return this.#keys;
    if (this.#failures > 0) throw this.#unavailable();
    return undefined;
  }

  #look(): void {
    if (this.#hasPassed(this.#nextAt - this.#askedAt)) this.#fetch();
  }

  /** Whether so many ms have passed since it last asked; a clock set back must not hold anything up. */
  #hasPassed(ms: number): boolean {
    const since = this.#parts.clock.now() - this.#askedAt;
    return since >= ms || since < 0;
  }

  #fetch(): void {
    if (this.#flight !== undefined) return;
    const { url, clock, timeoutMs = TIMEOUT_MS } = this.#parts;
    this.#askedAt = clock.now();
    this.#flight = fetchKeys(url, timeoutMs, this.#closed.signal)
      .then(
        (fetched) => this.#took(fetched),
        (error: unknown) => this.#missed(error),
      )
      .finally(() => {
        this.#flight = undefined;
      });
  }

  #took({ keyOf, maxAgeMs = REFRESH_MS }: FetchedKeys): void {
    this.#keys = keyOf;
    this.#nextAt = this.#askedAt + Math.max(LEAST_REFRESH_MS, Math.min(REFRESH_MS, maxAgeMs));
    if (this.#failures > 0) this.#parts.onHealth({ ok: true, problem: null });
    this.#failures = 0;
  }

  #missed(error: unknown): void {
    if (this.#closed.signal.aborted) return;
    // With keys at hand there is no hurry; without any, whoever comes with a good token waits for us.
    const wait = this.#keys === undefined ? Math.min(APART_MS, FIRST_RETRY_MS * 2 ** this.#failures) : APART_MS;
    this.#nextAt = this.#parts.clock.now() + wait;
    if (this.#failures++ === 0) this.#parts.onHealth({ ok: false, problem: (error as Error).message });
  }

  #unavailable(): WaycastError {
    const wait = Math.ceil((this.#nextAt - this.#parts.clock.now()) / 1_000);
    return new WaycastError('keys_unavailable', undefined, { retryAfter: Math.max(1, Math.min(APART_MS / 1_000, wait)) });
  }
}
