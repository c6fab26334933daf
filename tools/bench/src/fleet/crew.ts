import { io, type Socket } from 'socket.io-client';
import { sign } from '../peers/waycast-peer.ts';

const WITHIN_MS = 20_000;
const SETTLED_MS = 200;
const START = { lat: 52.5, lng: 13.4 };

/** What is measured, of all crews together. */
export interface Tally {
  /** ms from sending to each rider */
  readonly positions: number[];
  readonly statuses: number[];
  /** ms from sending a position to its stored acknowledgement */
  readonly stored: number[];
  expectedPositions: number;
  expectedStatuses: number;
  refused: number;
  firstError: string;
}

export function newTally(): Tally {
  return { positions: [], statuses: [], stored: [], expectedPositions: 0, expectedStatuses: 0, refused: 0, firstError: '' };
}

const STEPS = ['EN_ROUTE', 'ARRIVED', 'IN_PROGRESS', 'COMPLETED'] as const;

/** A driver, its trip, and the riders who follow it; when the trip ends there is another one for the same riders. */
export class Crew {
  readonly #url: string;
  readonly #index: number;
  readonly #riders: Socket[] = [];
  readonly #tally: () => Tally;
  #car: Socket | undefined;
  #staff = '';
  #trips = 0;
  #step = 0;
  #sent = 0;
  #busy = false;
  #reportedAt = 0;
  /** When position n, and the change to a status, was sent; monotonic ms. */
  readonly #sentAt = new Map<number, number>();
  readonly #movedAt = new Map<string, number>();
  readonly #heard = new Set<string>();

  constructor(url: string, index: number, tally: () => Tally) {
    this.#url = url;
    this.#index = index;
    this.#tally = tally;
  }

  /** `from`: the addresses of the driver and of the riders on this machine; by address a balancer tells clients apart. */
  async open(riders: number, transports: string[], from?: { readonly driver: string; readonly riders: string }): Promise<void> {
    this.#staff = await sign('bench', 'dispatcher');
    this.#car = await dial(this.#url, await sign(this.#driver, 'driver'), transports, from?.driver);
    for (let k = 0; k < riders; k++) {
      const rider = await dial(this.#url, await sign(this.#party(k), 'passenger'), transports, from?.riders);
      rider.on('driver:location', ({ speed }: { speed: number }) => this.#seen(Math.round(speed * 100)));
      rider.on('trip:update', ({ tripId, status }: { tripId: string; status: string }) => this.#told(k, `${tripId} ${status}`));
      this.#riders.push(rider);
    }
    await this.#newTrip();
  }

  /** The driver reports; its speed carries which position it is. */
  report(): void {
    // Between two trips nobody is subscribed, and nothing is expected.
    if (this.#busy) return;
    this.#sent = (this.#sent + 1) % 9_000;
    const n = this.#sent;
    const at = performance.now();
    const tally = this.#tally();
    this.#reportedAt = at;
    this.#sentAt.set(n, at);
    tally.expectedPositions += this.#riders.length;
    const position = { latitude: START.lat + this.#index / 100 + n * 1e-6, longitude: START.lng, speed: n / 100 };
    this.#car?.emit('driver:location', position, ({ ok, code }: { ok: boolean; code?: string }) => {
      if (ok) tally.stored.push(performance.now() - at);
      else refused(tally, `position: ${code}`);
    });
  }

  /** Whether the trip can be moved along now: a position on its way as the trip ends would rightly reach nobody. */
  get isFree(): boolean {
    return !this.#busy && performance.now() - this.#reportedAt > SETTLED_MS;
  }

  /** Moves the trip along; at its end the riders follow the next one. */
  async move(): Promise<void> {
    this.#busy = true;
    const status = STEPS[this.#step++] as string;
    const tally = this.#tally();
    tally.expectedStatuses += this.#riders.length;
    this.#movedAt.set(`${this.#tripId} ${status}`, performance.now());
    const answer = await this.#call(`/v1/trips/${this.#tripId}/status`, { status });
    if (answer !== 200) refused(tally, `status: ${answer}`);
    if (this.#step === STEPS.length) await this.#newTrip();
    this.#busy = false;
  }

  close(): void {
    for (const socket of [this.#car, ...this.#riders]) socket?.close();
  }

  #seen(n: number): void {
    const at = this.#sentAt.get(n);
    if (at !== undefined) this.#tally().positions.push(performance.now() - at);
  }

  #told(rider: number, what: string): void {
    const at = this.#movedAt.get(what);
    // A new ETA comes with the status that was told before.
    if (at === undefined || this.#heard.has(`${rider} ${what}`)) return;
    this.#heard.add(`${rider} ${what}`);
    this.#tally().statuses.push(performance.now() - at);
  }

  async #newTrip(): Promise<void> {
    this.#step = 0;
    this.#trips++;
    // What was sent before is shown again to those who begin to follow: it counted already.
    this.#sentAt.clear();
    const stops = this.#riders.flatMap((_, k) => [
      { type: 'pickup', partyId: this.#party(k), lat: START.lat + 1, lng: START.lng },
      { type: 'dropoff', partyId: this.#party(k), lat: START.lat + 2, lng: START.lng },
    ]);
    const answer = await this.#call('/v1/trips', { id: this.#tripId, kind: 'ride', driverId: this.#driver, stops });
    if (answer !== 201) refused(this.#tally(), `trip: ${answer}`);
    await Promise.all(
      this.#riders.map((rider) =>
        rider.timeout(WITHIN_MS).emitWithAck('rider:subscribe', { driverId: this.#driver, tripId: this.#tripId }),
      ),
    );
  }

  async #call(path: string, body: object): Promise<number> {
    const headers = { authorization: `Bearer ${this.#staff}`, 'content-type': 'application/json' };
    const answer = await fetch(this.#url + path, { method: 'POST', headers, body: JSON.stringify(body) });
    await answer.body?.cancel();
    return answer.status;
  }

  get #driver(): string {
    return `d-${this.#index}`;
  }

  get #tripId(): string {
    return `t-${this.#index}-${this.#trips}`;
  }

  #party(k: number): string {
    return `p-${this.#index}-${k}`;
  }
}

function refused(tally: Tally, why: string): void {
  tally.refused++;
  if (tally.firstError === '') tally.firstError = why;
}

async function dial(url: string, token: string, transports: string[], localAddress: string | undefined): Promise<Socket> {
  const from = localAddress !== undefined && { localAddress };
  const socket = io(url, { forceNew: true, transports, auth: { token }, reconnection: false, ...from });
  await new Promise<void>((resolve, reject) => {
    socket.once('connected', () => resolve());
    socket.once('connect_error', reject);
  });
  return socket;
}
