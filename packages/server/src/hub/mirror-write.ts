/** A value under a key, the newest one only. `ttl` in s. */
export interface MirrorSet {
  readonly kind: 'set';
  readonly key: string;
  readonly value: string;
  readonly ttl: number;
}

/** One more in front of a list of at most `keep`. `ttl` in s. */
export interface MirrorPush {
  readonly kind: 'push';
  readonly key: string;
  readonly value: string;
  readonly keep: number;
  readonly ttl: number;
}

/** A message to whoever listens now. */
export interface MirrorMessage {
  readonly kind: 'publish';
  readonly channel: string;
  readonly message: string;
}

/** What a dialect wants other services to find, in the place that a `Mirror` writes to [P11]. */
export type MirrorWrite = MirrorSet | MirrorPush | MirrorMessage;
