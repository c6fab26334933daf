import { setTimeout as sleep } from 'node:timers/promises';
import { ClusterMap } from './cluster-map.ts';
import { Link, type LinkEvents, type LinkTarget, type RedisArgs, RedisGone, type RedisReply } from './link.ts';
import type { RedisTarget } from './redis-url.ts';

export type { RedisArgs, RedisReply } from './link.ts';

/** A command and the key, or channel, that decides which node of a Cluster gets it. */
export interface RedisCall {
  readonly key: string;
  readonly args: RedisArgs;
}

export interface RedisHealth {
  readonly ok: boolean;
  /** What an operator should know when it is not. */
  readonly problem: string | null;
}

/** While a Cluster moves slots or chooses a new master, a call it sends elsewhere is tried again for so long, ms. */
const REDIRECT_FOR_MS = 3_000;
const REDIRECT_EVERY_MS = 50;

/** The way to Redis, one or a Cluster of them. It never gives up: what is away comes back. */
export class RedisConnection {
  /** Before every key and channel of ours. */
  readonly prefix: string;
  readonly cluster: boolean;
  readonly #target: Omit<LinkTarget, 'host' | 'port'>;
  readonly #single: Link | undefined;
  readonly #map: ClusterMap | undefined;
  readonly #listeners = new Set<(health: RedisHealth) => void>();
  #health: RedisHealth = { ok: false, problem: 'Redis is not connected yet' };
  #closed = false;

  constructor(target: RedisTarget, cluster: boolean, prefix: string) {
    this.prefix = prefix;
    this.cluster = cluster;
    const { nodes, tls, username, password, db } = target;
    this.#target = { tls, username, password, db, name: 'waycast' };
    const changed = (): void => this.#review();
    if (cluster) this.#map = new ClusterMap(nodes, this.#target, changed);
    else {
      const place = nodes[0] as { host: string; port: number };
      this.#single = new Link({ ...this.#target, ...place, mustWrite: true }, { up: changed, down: changed });
    }
  }

  /** Whether it was closed here: what could not be written never will be. */
  get closed(): boolean {
    return this.#closed;
  }

  health(): RedisHealth {
    // Why it cannot be had may show only when it is tried again.
    return this.#health.ok ? this.#health : { ok: false, problem: this.#problem() ?? this.#health.problem };
  }

  /** Called whenever Redis becomes reachable, or is not any more, or moves. Answers how to stop. */
  onChange(listener: (health: RedisHealth) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Whether calls for this key can be sent now. */
  reaches(key: string): boolean {
    return this.#linkOf(key)?.up ?? false;
  }

  /**
   * Sends them, in order for each node, in one write per node; one answer each. Never rejects. What a Cluster sends
   * elsewhere was not done and is tried there, for so long; what got no answer (`RedisGone`) is not repeated.
   */
  async run(calls: readonly RedisCall[], patienceMs = REDIRECT_FOR_MS): Promise<RedisReply[]> {
    if (this.#single !== undefined) return this.#single.send(calls.map(({ args }) => args));
    const answers: RedisReply[] = new Array(calls.length).fill(null);
    let open = calls.map((_, i) => i);
    const deadline = performance.now() + patienceMs;
    for (;;) {
      await this.#attempt(calls, open, answers);
      open = open.filter((i) => isElsewhere(answers[i]));
      if (open.length === 0 || this.#closed) return answers;
      const located = this.#map?.refresh();
      if (performance.now() >= deadline) return answers;
      await located;
      await sleep(REDIRECT_EVERY_MS);
    }
  }

  /** As `run`, for many small writes: to a single Redis they travel as few commands. */
  async write(calls: readonly RedisCall[], patienceMs = REDIRECT_FOR_MS): Promise<RedisReply[]> {
    if (this.#single !== undefined) return this.#single.sendTogether(calls.map(({ args }) => args));
    return await this.run(calls, patienceMs);
  }

  /** Tells everybody who listens on this channel; in a Cluster by the node of its slot. */
  message(channel: string, text: string): RedisCall {
    return { key: channel, args: [this.cluster ? 'SPUBLISH' : 'PUBLISH', channel, text] };
  }

  /** A connection of its own to the node that serves this key, for reads that wait and for subscriptions; undefined while nobody serves it. */
  dial(key: string, events: LinkEvents): Link | undefined {
    const address = this.addressOf(key);
    if (address === undefined) return undefined;
    const colon = address.lastIndexOf(':');
    return new Link({ ...this.#target, host: address.slice(0, colon), port: Number(address.slice(colon + 1)) }, events);
  }

  addressOf(key: string): string | undefined {
    return this.#linkOf(key)?.address;
  }

  /** Asks a Cluster where its slots are now. */
  async locate(): Promise<void> {
    await this.#map?.refresh();
  }

  close(): void {
    this.#closed = true;
    this.#listeners.clear();
    this.#single?.close();
    this.#map?.close();
  }

  #linkOf(key: string): Link | undefined {
    return this.#single ?? this.#map?.linkOf(key);
  }

  async #attempt(calls: readonly RedisCall[], open: readonly number[], answers: RedisReply[]): Promise<void> {
    const byLink = new Map<Link, number[]>();
    for (const i of open) {
      const { key } = calls[i] as RedisCall;
      const asked = askedOf(answers[i]);
      const link = asked === null ? this.#linkOf(key) : this.#map?.linkAt(asked);
      if (link === undefined) answers[i] = new RedisGone(false);
      else byLink.set(link, [...(byLink.get(link) ?? []), i]);
    }
    await Promise.all(
      Array.from(byLink, async ([link, indices]) => {
        const sent: RedisArgs[] = [];
        const at: number[] = [];
        for (const i of indices) {
          if (askedOf(answers[i]) !== null) sent.push(['ASKING']);
          at.push(sent.push((calls[i] as RedisCall).args) - 1);
        }
        const replies = await link.send(sent);
        for (const [n, i] of indices.entries()) answers[i] = replies[at[n] as number] ?? null;
      }),
    );
  }

  #problem(): string | null {
    if (this.#single === undefined) return this.#map?.problem() ?? null;
    return this.#single.up ? null : this.#single.problem;
  }

  #review(): void {
    const problem = this.#problem();
    this.#health = { ok: problem === null, problem };
    for (const listener of [...this.#listeners]) listener(this.#health);
  }
}

/** Whether a Cluster said that somebody else serves this, or that nobody does just now: then nothing was done. */
export function isElsewhere(reply: RedisReply | undefined): boolean {
  return reply instanceof Error && /^(MOVED|ASK|TRYAGAIN|CLUSTERDOWN|READONLY|LOADING|MASTERDOWN) /.test(reply.message);
}

/** The node that has a key while its slot moves there. */
function askedOf(reply: RedisReply | undefined): string | null {
  return reply instanceof Error ? (/^ASK \d+ (\S+)$/.exec(reply.message)?.[1] ?? null) : null;
}
