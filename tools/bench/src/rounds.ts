import type { Options } from './options.ts';
import type { Peer } from './peers/peer.ts';
import { quiet } from './quiet.ts';
import { holds, type Row, rowLine } from './row.ts';
import { type Highest, highestRate } from './search.ts';
import { type Rig, Session } from './session.ts';

const LEAD = 0.5;
const DRAIN = 30;
/** A run during which other processes were at work is repeated, at most so many times. */
const REPEATS = 3;

/** Runs loads against one peer; a server that could not work off its backlog is replaced before the next load. */
class Lane {
  readonly #peer: Peer;
  readonly #rig: Rig;
  readonly #options: Options;
  readonly #round: number;
  #session: Session | undefined;

  constructor(peer: Peer, rig: Rig, options: Options, round: number) {
    this.#peer = peer;
    this.#rig = rig;
    this.#options = options;
    this.#round = round;
  }

  async run(rate: number): Promise<Row> {
    let row = await this.#once(rate);
    for (let i = 0; row.disturbed && i < REPEATS && Date.now() < this.#rig.deadline; i++) {
      row = await this.#once(rate);
    }
    return row;
  }

  async #once(rate: number): Promise<Row> {
    this.#session ??= await Session.open(this.#peer, this.#rig);
    await quiet([this.#rig.cores.server, this.#rig.cores.generator], this.#rig.deadline);
    const row = await this.#session.run(rate, { seconds: this.#options.seconds, lead: LEAD, drain: DRAIN }, this.#round);
    console.log(rowLine(row));
    if (row.firstError !== '') console.log(`  first error it was sent: ${row.firstError}`);
    if (!row.complete || row.closed > 0) await this.renew();
    return row;
  }

  /** The next load meets a fresh server. */
  async renew(): Promise<void> {
    const session = this.#session;
    this.#session = undefined;
    await session?.close();
  }
}

/** One peer's turn in a round: the fixed rates, then the search on a fresh server. */
export async function turn(peer: Peer, rig: Rig, options: Options, round: number): Promise<{ rows: Row[]; highest: Highest | undefined }> {
  const lane = new Lane(peer, rig, options, round);
  try {
    const rows: Row[] = [];
    for (const rate of options.rates) rows.push(await lane.run(rate));
    await lane.renew();
    const highest = options.search ? await highestRate(rows, options.resolution, rig.deadline, (rate) => lane.run(rate), holds) : undefined;
    if (highest !== undefined) console.log(`round ${round} ${peer.name}: holds ${highest.rate}/s`);
    return { rows, highest };
  } finally {
    await lane.renew();
  }
}
