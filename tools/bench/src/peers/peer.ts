/** One connection as the generator makes it. */
export interface PlannedConnection {
  path: string;
  /** one extra header line of the handshake */
  header?: string;
  /** sent when the socket is open */
  first?: string;
  /** what must have come in before the connection counts as ready */
  marker?: string;
}

export interface Launch {
  command: string;
  args: string[];
  env: Record<string, string>;
  /** Before others on the same cores, if this may: -20 first, 19 last. */
  nice?: number;
}

/** A server under load, and how the generator speaks to it. */
export interface Peer {
  name: string;
  label: string;
  /** what of Waycast's work this peer leaves out */
  doesNot: string;
  /** stands near the start of every delivered message */
  mark: string;
  /** around the JSON of a fix */
  prefix: string;
  suffix: string;
  /** whether drivers get `ack {stored}` watermarks */
  acknowledges: boolean;
  launch(port: number, folder: string): Launch;
  /** Resolves when the server on `port` takes connections. */
  ready(port: number): Promise<void>;
  /** Prepares the server for that many drivers; answers driver 0, watcher 0, driver 1, watcher 1, ... */
  plan(port: number, drivers: number): Promise<PlannedConnection[]>;
}
