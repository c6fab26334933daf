import { ClientError, Publisher, RestClient, StreamClient, type TokenSource } from '@waycast/client';
import { Driver, type Run } from './driver.ts';
import { seededRandom } from './random.ts';
import { roster } from './roster.ts';

export interface DemoOptions {
  /** where the server is, `http(s)://` */
  url: string;
  /** of role `service` */
  token: TokenSource;
  /** 40 */
  vehicles?: number | undefined;
  /** ends the demo */
  signal?: AbortSignal | undefined;
  /** a line for people now and then */
  log?: ((line: string) => void) | undefined;
  /** the same seed drives the same ways; random by default */
  seed?: number | undefined;
}

export interface DemoReport {
  vehicles: number;
  fixes: number;
  trips: number;
}

/** ms between two looks at who is due; each vehicle is due once a second */
const BEAT = 50;
const SECOND = 1_000;
/** ms at the end for what is still on its way */
const LAST_WORDS = 1_500;

/**
 * A city fleet over the public network surface, until the signal. It outlives restarts of the server.
 * @throws ClientError when the server refuses the token for good
 */
export async function runDemo(options: DemoOptions): Promise<DemoReport> {
  const { url, token, vehicles = 40, signal, log = () => {} } = options;
  const random = seededRandom(options.seed ?? Math.floor(Math.random() * 2 ** 32));
  const rest = new RestClient({ url, token, ...(signal === undefined ? {} : { signal }) });
  const stream = new StreamClient({ url, token, onError: (error) => log(`demo: ${error.message}`) });
  const started = Date.now().toString(36);
  let count = 0;
  const run: Run = {
    rest,
    random,
    log,
    online: () => stream.state.status === 'open',
    nextTrip: () => {
      count += 1;
      return { id: `demo-${started}-${count}`, number: count };
    },
  };
  const publishers: Publisher[] = [];
  const drivers = roster(vehicles).map((member) => {
    const publisher = new Publisher(stream, { driver: member.id, onError: (error) => log(`${member.name}: ${error.message}`) });
    publishers.push(publisher);
    return new Driver(member, run, publisher);
  });
  try {
    log(`demo: ${vehicles} vehicles in the Eixample of Barcelona, at ${url}`);
    await drive(drivers, stream, signal, log);
    await Promise.allSettled(publishers.map((publisher) => publisher.flush(LAST_WORDS)));
  } finally {
    for (const publisher of publishers) publisher.close();
    stream.close();
  }
  const total = { vehicles, fixes: 0, trips: 0 };
  for (const { fixes, trips } of drivers) {
    total.fixes += fixes;
    total.trips += trips;
  }
  return total;
}

/** Ticks every driver once a second, each at its own moment of it, until the signal or a refusal. */
function drive(drivers: Driver[], stream: StreamClient, signal: AbortSignal | undefined, log: (line: string) => void): Promise<void> {
  return new Promise((resolve, reject) => {
    const begin = Date.now();
    const due = drivers.map((_, i) => begin + (i * SECOND) / drivers.length);
    const beat = setInterval(() => {
      const now = Date.now();
      for (const [i, driver] of drivers.entries()) {
        const at = due[i] ?? now;
        if (now < at) continue;
        // After a stall the lost seconds are gone: catching up would be a burst of fixes.
        due[i] = now - at > SECOND ? now + SECOND : at + SECOND;
        driver.tick(now);
      }
    }, BEAT);
    let away = false;
    const unwatch = stream.onState((state) => {
      if (state.status === 'waiting' && !away) {
        away = true;
        log(`demo: ${state.reason}; trying again`);
        for (const driver of drivers) driver.doubt();
      }
      if (state.status === 'open' && away) {
        away = false;
        log('demo: the server is back');
      }
      if (state.status === 'closed') end(new ClientError(state.code, state.reason));
    });
    const end = (error?: ClientError) => {
      clearInterval(beat);
      unwatch();
      signal?.removeEventListener('abort', onAbort);
      if (error === undefined) resolve();
      else reject(error);
    };
    const onAbort = () => end();
    signal?.addEventListener('abort', onAbort);
    if (signal?.aborted) end();
  });
}
