import { retryDelay } from './backoff.ts';

/** At once, to one consumer. */
export const PER_CONSUMER = 8;
/** After so many failures in a row it gets one at a time until it answers. */
const FAILING_AFTER = 10;
/** A failing one is not asked less often than this for want of trying, ms. */
const MOST_REST_MS = 60_000;

interface Endpoint {
  inFlight: number;
  failures: number;
  /** Epoch ms; 0 for none. */
  restUntil: number;
}

/** How the consumers have answered lately, and so how much each may get now [W10]. In memory: a restart asks anew. */
export class Endpoints {
  readonly #endpoints = new Map<string, Endpoint>();

  /** How many more each may get; who is not named may get PER_CONSUMER. */
  room(now: number): Record<string, number> {
    const room: Record<string, number> = {};
    for (const [id, { inFlight, failures, restUntil }] of this.#endpoints) {
      const most = restUntil > now ? 0 : failures >= FAILING_AFTER ? 1 : PER_CONSUMER;
      room[id] = Math.max(0, most - inFlight);
    }
    return room;
  }

  /** Whether somebody's rest has ended since this was asked last. */
  wakes(now: number): boolean {
    let woken = false;
    for (const endpoint of this.#endpoints.values()) {
      if (endpoint.restUntil === 0 || endpoint.restUntil > now) continue;
      endpoint.restUntil = 0;
      woken = true;
    }
    return woken;
  }

  begin(id: string): void {
    const endpoint = this.#endpoints.get(id);
    if (endpoint === undefined) this.#endpoints.set(id, { inFlight: 1, failures: 0, restUntil: 0 });
    else endpoint.inFlight++;
  }

  /** Not tried after all. */
  abandon(id: string): void {
    const endpoint = this.#endpoints.get(id);
    if (endpoint !== undefined) endpoint.inFlight--;
  }

  /** Answers whether one that was failing answers again. */
  delivered(id: string): boolean {
    const endpoint = this.#endpoints.get(id);
    if (endpoint === undefined) return false;
    const wasFailing = endpoint.failures >= FAILING_AFTER;
    endpoint.inFlight--;
    endpoint.failures = 0;
    endpoint.restUntil = 0;
    if (endpoint.inFlight === 0) this.#endpoints.delete(id);
    return wasFailing;
  }

  /** Answers whether with this one it begins to fail. */
  failed(id: string, now: number, restUntil: number, chance: number): boolean {
    const endpoint = this.#endpoints.get(id);
    if (endpoint === undefined) return false;
    endpoint.inFlight--;
    endpoint.failures++;
    const beyond = endpoint.failures - FAILING_AFTER;
    const rest = beyond < 0 ? 0 : now + Math.min(MOST_REST_MS, retryDelay(beyond + 1, chance));
    endpoint.restUntil = Math.max(endpoint.restUntil, restUntil, rest);
    return endpoint.failures === FAILING_AFTER;
  }

  isFailing(id: string): boolean {
    return (this.#endpoints.get(id)?.failures ?? 0) >= FAILING_AFTER;
  }

  /** It was changed: whatever it did before says nothing now. */
  forget(id: string): void {
    const endpoint = this.#endpoints.get(id);
    if (endpoint === undefined) return;
    endpoint.failures = 0;
    endpoint.restUntil = 0;
    if (endpoint.inFlight === 0) this.#endpoints.delete(id);
  }
}
