import { keySlot, SLOTS } from './key-slot.ts';
import { Link, type LinkTarget, type RedisReply } from './link.ts';

const REFRESH_MS = 5_000;
/** While a master is away. */
const ANXIOUS_MS = 200;

/** Which master of a Cluster serves which slot, with a connection to each; kept up as slots move and masters fail. */
export class ClusterMap {
  readonly #target: Omit<LinkTarget, 'host' | 'port'>;
  readonly #seeds: readonly Link[];
  readonly #masters = new Map<string, Link>();
  /** By slot; null for one that nobody serves. */
  #owners: (string | null)[] = new Array(SLOTS).fill(null);
  #asking: Promise<void> | undefined;
  #lastAsked = 0;
  readonly #changed: () => void;
  readonly #timer: NodeJS.Timeout;

  /** @param changed something may have become reachable, gone, or moved */
  constructor(seeds: readonly { host: string; port: number }[], target: Omit<LinkTarget, 'host' | 'port'>, changed: () => void) {
    this.#target = target;
    this.#changed = changed;
    this.#seeds = seeds.map((seed) => new Link({ ...target, ...seed }, { up: () => void this.refresh() }));
    this.#timer = setInterval(() => {
      if (this.problem() !== null || performance.now() - this.#lastAsked > REFRESH_MS) void this.refresh();
    }, ANXIOUS_MS).unref();
  }

  /** The connection to the master of this key; undefined while nobody serves it. */
  linkOf(key: string): Link | undefined {
    const address = this.#owners[keySlot(key)] ?? null;
    return address === null ? undefined : this.#masters.get(address);
  }

  linkAt(address: string): Link {
    return this.#masterAt(address);
  }

  problem(): string | null {
    const hole = this.#owners.indexOf(null);
    if (hole >= 0) return this.#seeds.find((seed) => !seed.up)?.problem ?? `no node of the Cluster serves slot ${hole}`;
    for (const link of this.#masters.values()) if (!link.up) return link.problem;
    return null;
  }

  /** Asks the Cluster anew, once for all who ask at a time. */
  refresh(): Promise<void> {
    this.#asking ??= this.#refresh().finally(() => {
      this.#asking = undefined;
    });
    return this.#asking;
  }

  close(): void {
    clearInterval(this.#timer);
    for (const link of [...this.#seeds, ...this.#masters.values()]) link.close();
  }

  async #refresh(): Promise<void> {
    for (const link of [...this.#masters.values(), ...this.#seeds]) {
      if (!link.up) continue;
      const [reply] = await link.send([['CLUSTER', 'SLOTS']]);
      if (!Array.isArray(reply)) continue;
      this.#lastAsked = performance.now();
      this.#adopt(reply, link.address);
      return;
    }
  }

  #adopt(ranges: readonly RedisReply[], asked: string): void {
    const owners: (string | null)[] = new Array(SLOTS).fill(null);
    for (const range of ranges) {
      const [from, to, master] = range as [number, number, [string | null, number]];
      // A node that does not know its own name means the one it was asked by.
      const host = master[0] || asked.slice(0, asked.lastIndexOf(':'));
      owners.fill(`${host}:${master[1]}`, from, to + 1);
    }
    const moved = owners.some((owner, slot) => owner !== this.#owners[slot]);
    this.#owners = owners;
    if (!moved) return;
    const serving = new Set(owners);
    for (const [address, link] of this.#masters) {
      if (serving.has(address)) continue;
      this.#masters.delete(address);
      link.close();
    }
    for (const address of serving) if (address !== null) this.#masterAt(address);
    this.#changed();
  }

  #masterAt(address: string): Link {
    const known = this.#masters.get(address);
    if (known !== undefined) return known;
    const colon = address.lastIndexOf(':');
    const place = { host: address.slice(0, colon), port: Number(address.slice(colon + 1)) };
    const events = { up: this.#changed, down: () => this.#failed() };
    const link = new Link({ ...this.#target, ...place }, events);
    this.#masters.set(address, link);
    return link;
  }

  #failed(): void {
    this.#changed();
    void this.refresh();
  }
}
