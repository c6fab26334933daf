/** How long a feed counts as wanted after the last one left it, ms. */
const LINGER_MS = 300_000;

interface Wanted {
  /** Other processes that want it. */
  homes: readonly number[];
  /** Whether this one does. */
  own: boolean;
  /** When the last one left, epoch ms. */
  leftAt: number;
}

const NOBODY: readonly number[] = [];

/** Which processes want which feeds. */
export class WantedFeeds {
  readonly #feeds = new Map<string, Wanted>();
  readonly #now: () => number;

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Others that want it now. */
  homes(feed: string): readonly number[] {
    return this.#feeds.get(feed)?.homes ?? NOBODY;
  }

  /** Whether some process, this one included, wants it or lately did. */
  has(feed: string): boolean {
    const wanted = this.#feeds.get(feed);
    if (wanted === undefined) return false;
    return wanted.own || wanted.homes.length > 0 || this.#now() - wanted.leftAt < LINGER_MS;
  }

  own(feed: string, wants: boolean): void {
    const wanted = this.#at(feed);
    wanted.own = wants;
    wanted.leftAt = this.#now();
  }

  join(home: number, feed: string): void {
    const wanted = this.#at(feed);
    if (!wanted.homes.includes(home)) wanted.homes = [...wanted.homes, home];
  }

  leave(home: number, feed: string): void {
    const wanted = this.#feeds.get(feed);
    if (wanted === undefined || !wanted.homes.includes(home)) return;
    wanted.homes = wanted.homes.filter((one) => one !== home);
    wanted.leftAt = this.#now();
  }

  /** Forgets what nobody has wanted for long. */
  sweep(): void {
    for (const feed of this.#feeds.keys()) if (!this.has(feed)) this.#feeds.delete(feed);
  }

  #at(feed: string): Wanted {
    let wanted = this.#feeds.get(feed);
    if (wanted === undefined) {
      wanted = { homes: NOBODY, own: false, leftAt: this.#now() };
      this.#feeds.set(feed, wanted);
    }
    return wanted;
  }
}
