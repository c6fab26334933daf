import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const PROCESS = fileURLToPath(new URL('./outside-services-process.ts', import.meta.url));
const READY_WITHIN_MS = 20_000;

export type ServiceName = 'ride' | 'booking' | 'order' | 'notification';

/** `status` answers that, whatever it is asked, so many `times` or for ever; `bomb` is small until it is unpacked; `cut` resets the connection. */
export type Behaviour =
  | { readonly kind: 'well' | 'hang' | 'huge' | 'bomb' | 'trickle' | 'cut' }
  | { readonly kind: 'slow'; readonly ms: number }
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly body?: string;
      readonly headers?: Readonly<Record<string, string>>;
      readonly times?: number;
    };

/** One request that came, as the services' own log has it. */
export interface Asked {
  readonly at: number;
  readonly service: ServiceName | 'none';
  readonly method: string;
  readonly url: string;
  readonly body: string;
}

/** A ride and a booking as the services send them; a test may send anything else. */
export interface RideBody {
  readonly id: string;
  readonly driver_id: string | null;
  readonly driver_name?: string | null;
  readonly destination_lat: number | null;
  readonly destination_lng: number | null;
  readonly status: string;
}
export interface BookingBody {
  readonly id: string;
  readonly ride_id: string;
  readonly passenger_id: string;
  readonly status: string;
  readonly pickup_location: { readonly lat: number; readonly lng: number };
  readonly dropoff_location: { readonly lat: number; readonly lng: number };
}

/**
 * The services outside, in a process of their own: RIDE_SERVICE_URL and its like are `url`. They behave well until told
 * otherwise.
 * After `kill`, another one on the same port takes their place, knowing nothing.
 */
export interface OutsideServices {
  readonly url: string;
  readonly port: number;
  ride(ride: RideBody): Promise<void>;
  noRide(id: string): Promise<void>;
  bookings(rideId: string, bookings: readonly BookingBody[]): Promise<void>;
  /** What the service sends for this ride, whatever it is. */
  send(service: 'ride' | 'booking', rideId: string, body: unknown): Promise<void>;
  behave(service: ServiceName, behaviour: Behaviour): Promise<void>;
  /** What this service was asked since the start, or since `forget`, oldest first; the file outlives the process. */
  asked(service?: ServiceName): Asked[];
  forget(): void;
  /** As a power cut would: connections to it are refused from then on. */
  kill(): Promise<void>;
  /** Kills it, and removes its log. */
  stop(): Promise<void>;
}

export async function startOutsideServices(port = 0): Promise<OutsideServices> {
  const folder = mkdtempSync(join(tmpdir(), 'waycast-outside-'));
  const log = join(folder, 'asked.jsonl');
  writeFileSync(log, '');
  const child = spawn(process.execPath, [PROCESS, String(port), log], { stdio: ['ignore', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const at = await listening(child);
  const url = `http://127.0.0.1:${at}`;
  const steer = async (what: string, id: string, value: unknown) => {
    const response = await fetch(`${url}/steer/${what}/${encodeURIComponent(id)}`, { method: 'PUT', body: JSON.stringify(value) });
    if (response.status !== 204) throw new Error(`steering answered ${response.status}: ${await response.text()}`);
  };
  const kill = async () => {
    child.kill('SIGKILL');
    await exited;
  };
  return {
    url,
    port: at,
    ride: (ride) => steer('ride', ride.id, ride),
    noRide: (id) => steer('ride', id, null),
    bookings: (rideId, bookings) => steer('booking', rideId, bookings),
    send: (service, rideId, body) => steer(service, rideId, body),
    behave: (service, behaviour) => steer('behave', service, behaviour),
    asked: (service) =>
      readFileSync(log, 'utf8')
        .split('\n')
        .filter((line) => line !== '')
        .map((line) => JSON.parse(line) as Asked)
        .filter((one) => service === undefined || one.service === service),
    forget: () => writeFileSync(log, ''),
    kill,
    stop: async () => {
      await kill();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

function listening(child: ChildProcess): Promise<number> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('the services did not come up')), READY_WITHIN_MS);
    let out = '';
    child.stdout?.setEncoding('utf8').on('data', (text: string) => {
      out += text;
      const port = /listening on (\d+)/.exec(out)?.[1];
      if (port === undefined) return;
      clearTimeout(timer);
      resolve(Number(port));
    });
    child.once('exit', (code) => {
      clearTimeout(timer);
      reject(new Error(`the services ended with ${code}`));
    });
  });
}
