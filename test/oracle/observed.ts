/** One thing that does not hold. `code` is for tests, `message` for people. */
export interface Violation {
  readonly rule: 'I1' | 'I2' | 'I3' | 'events';
  readonly code:
    | 'lost'
    | 'twice'
    | 'never-attempted'
    | 'altered'
    | 'acked-unsent'
    | 'stored-fell-back'
    | 'gap'
    | 'not-increasing'
    | 'bad-conflation'
    | 'epoch-returned'
    | 'no-start'
    | 'tail-lost'
    | 'not-latest'
    | 'moved-back'
    | 'id-twice'
    | 'event-twice'
    | 'two-ids';
  readonly message: string;
}

/** `StoredLocation` of the REST interface and whose it is; times as served (ISO) or epoch ms. */
export interface HistoryRow {
  readonly driver: string;
  readonly lat: number;
  readonly lng: number;
  readonly speed: number | null;
  readonly bearing: number | null;
  readonly accuracy: number | null;
  readonly altitude: number | null;
  readonly timestamp: string | number;
  readonly receivedAt: string | number;
  readonly suspect: boolean;
}

export interface WatchedPosition {
  readonly lat: number;
  readonly lng: number;
  readonly timestamp: string | number;
}

/**
 * A message of the native stream as it was received; any server message of the protocol fits, and those that prove nothing
 * are passed over. Put the watcher's own `subscribe` in as well, where it was sent: it says where a feed is to go on.
 */
export interface WatchedMessage {
  readonly type: string;
  readonly feed?: string;
  readonly epoch?: string;
  readonly seq?: number;
  /** of `conflated` */
  readonly from?: number;
  readonly to?: number;
  /** of `subscribe` */
  readonly since?: { readonly epoch: string; readonly seq: number };
  /** of `location`: its id */
  readonly driver?: unknown;
  /** of `location` */
  readonly lat?: number;
  readonly lng?: number;
  readonly timestamp?: string;
  /** of `snapshot` */
  readonly location?: WatchedPosition | null;
  readonly trip?: { readonly status?: string; readonly driverId?: string | null };
  /** of `event` */
  readonly event?: {
    readonly id: string;
    readonly kind: string;
    readonly tripId?: string;
    readonly stopId?: string;
    readonly status?: string;
    readonly driverId?: string | null;
  };
  /** of `heartbeat` */
  readonly feeds?: readonly { readonly feed: string; readonly epoch: string; readonly seq: number }[];
  /** of `positions` */
  readonly full?: boolean;
  readonly positions?: readonly (WatchedPosition & { readonly driver: string })[];
  readonly gone?: readonly string[];
}

/** One watcher over all its connections, in the order it read. */
export interface Watched {
  readonly watcher: string;
  readonly messages: readonly WatchedMessage[];
  /** feeds it unsubscribed from, or that were cut on purpose: I3 and lost tails are not asked of them */
  readonly leftFeeds?: readonly string[];
}

export function ms(moment: string | number): number {
  return typeof moment === 'number' ? moment : Date.parse(moment);
}
