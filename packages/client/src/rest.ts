import type {
  DriverProfile,
  DriverView,
  FixInput,
  FixReceipt,
  Health,
  LocationList,
  PositionCollection,
  Problem,
  Session,
  StatusInput,
  Ticket,
  Track,
  TripHistory,
  TripInput,
  TripKind,
  TripList,
  TripPatch,
  TripStatus,
  TripView,
} from '@waycast/protocol';
import { ClientError } from './client-error.ts';
import { readToken, type TokenSource } from './token.ts';

export interface RestOptions {
  /** where the server is, `http(s)://`; a path before `/v1` is kept */
  url: string;
  /** not needed for `session` and `health` */
  token?: TokenSource;
  /** ms for one request (15,000) */
  timeout?: number;
  /** ends every request of this client */
  signal?: AbortSignal;
}

type Query = Record<string, string | number | boolean | undefined>;

interface Request {
  query?: Query;
  body?: unknown;
  headers?: Record<string, string>;
}

export interface TripQuery {
  status?: TripStatus | 'open' | 'closed';
  driverId?: string;
  label?: string;
  kind?: TripKind;
  cursor?: string;
  limit?: number;
}

/** Times are ISO 8601; `simplify` is in m. */
export interface TrackQuery {
  from?: string;
  to?: string;
  simplify?: number;
}

/** `/v1` as typed calls. Each rejects with a ClientError: the server's code, or `network`, `timeout`, `unexpected`. */
export class RestClient {
  readonly #base: string;
  readonly #options: RestOptions;

  /** @throws TypeError when `url` is none */
  constructor(options: RestOptions) {
    const url = new URL(options.url);
    this.#base = `${url.origin}${url.pathname.replace(/\/+$/, '')}`;
    this.#options = options;
  }

  /** The same id with the same content, or the same key, answers the same trip. */
  createTrip(trip: TripInput, more: { idempotencyKey?: string } = {}): Promise<TripView> {
    const headers: Record<string, string> = more.idempotencyKey === undefined ? {} : { 'idempotency-key': more.idempotencyKey };
    return this.#json('POST', '/v1/trips', { body: trip, headers });
  }

  trip(id: string): Promise<TripView> {
    return this.#json('GET', `/v1/trips/${encodeURIComponent(id)}`);
  }

  changeTrip(id: string, patch: TripPatch): Promise<TripView> {
    return this.#json('PATCH', `/v1/trips/${encodeURIComponent(id)}`, { body: patch });
  }

  async deleteTrip(id: string): Promise<void> {
    await this.#text('DELETE', `/v1/trips/${encodeURIComponent(id)}`);
  }

  /** A page, newest first; `open` and `closed` stand for all such statuses. */
  trips(query: TripQuery = {}): Promise<TripList> {
    return this.#json('GET', '/v1/trips', { query: { ...query } });
  }

  setStatus(id: string, status: StatusInput): Promise<TripView> {
    return this.#json('POST', `/v1/trips/${encodeURIComponent(id)}/status`, { body: status });
  }

  history(id: string): Promise<TripHistory> {
    return this.#json('GET', `/v1/trips/${encodeURIComponent(id)}/history`);
  }

  track(id: string, query: TrackQuery = {}): Promise<Track> {
    return this.#json('GET', `/v1/trips/${encodeURIComponent(id)}/track`, { query: { ...query, format: 'json' } });
  }

  /** The track as a file: its text as the server wrote it. */
  trackFile(id: string, format: 'geojson' | 'gpx' | 'polyline', query: TrackQuery = {}): Promise<string> {
    return this.#text('GET', `/v1/trips/${encodeURIComponent(id)}/track`, { query: { ...query, format } });
  }

  /** At most 1,000 fixes; answered when they are stored. */
  sendFixes(driver: string, fixes: FixInput[]): Promise<FixReceipt> {
    return this.#json('POST', `/v1/drivers/${encodeURIComponent(driver)}/locations`, { body: { fixes } });
  }

  locations(driver: string, query: { from?: string; to?: string; cursor?: string; limit?: number } = {}): Promise<LocationList> {
    return this.#json('GET', `/v1/drivers/${encodeURIComponent(driver)}/locations`, { query });
  }

  driver(id: string): Promise<DriverView> {
    return this.#json('GET', `/v1/drivers/${encodeURIComponent(id)}`);
  }

  driverStatus(id: string): Promise<DriverView> {
    return this.#json('GET', `/v1/drivers/${encodeURIComponent(id)}/status`);
  }

  setProfile(id: string, profile: DriverProfile): Promise<DriverView> {
    return this.#json('PUT', `/v1/drivers/${encodeURIComponent(id)}`, { body: profile });
  }

  setAvailability(id: string, available: boolean): Promise<DriverView> {
    return this.#json('PUT', `/v1/drivers/${encodeURIComponent(id)}/availability`, { body: { available } });
  }

  positions(): Promise<PositionCollection> {
    return this.#json('GET', '/v1/positions');
  }

  /** One use, for a WebSocket URL. */
  ticket(): Promise<Ticket> {
    return this.#json('POST', '/v1/tickets');
  }

  /** Turns the code of the printed sign-in URL into a token, once. */
  session(code: string): Promise<Session> {
    return this.#json('POST', '/v1/session', { body: { code } });
  }

  health(): Promise<Health> {
    return this.#json('GET', '/health');
  }

  async #json<T>(method: string, path: string, request: Request = {}): Promise<T> {
    const text = await this.#text(method, path, request);
    try {
      return JSON.parse(text) as T;
    } catch (cause) {
      throw new ClientError('unexpected', `${method} ${path} did not answer with JSON`, { cause });
    }
  }

  async #text(method: string, path: string, request: Request = {}): Promise<string> {
    const { response, text } = await this.#fetch(method, path, request);
    if (response.ok) return text;
    const problem = readProblem(text);
    if (problem !== undefined) {
      const { code, detail, field, status } = problem;
      throw new ClientError(code, detail, { status, field, retryAfter: problem.retryAfter ?? retryAfter(response) });
    }
    const detail = `${method} ${path} was answered ${response.status}`;
    throw new ClientError('unexpected', detail, { status: response.status, retryAfter: retryAfter(response) });
  }

  async #fetch(method: string, path: string, { query = {}, body, headers = {} }: Request) {
    const { token, timeout = 15_000, signal } = this.#options;
    const url = new URL(this.#base + path);
    for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, String(value));
    const all: Record<string, string> = { accept: 'application/json', ...headers };
    if (token !== undefined) all.authorization = `Bearer ${await readToken(token)}`;
    if (body !== undefined) all['content-type'] = 'application/json';
    const limit = AbortSignal.timeout(timeout);
    try {
      const response = await fetch(url.href, {
        method,
        headers: all,
        signal: signal === undefined ? limit : AbortSignal.any([signal, limit]),
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      });
      return { response, text: await response.text() };
    } catch (cause) {
      if (signal?.aborted) throw new ClientError('closed', `${method} ${path} was called off`, { cause });
      if (limit.aborted) throw new ClientError('timeout', `${method} ${path} was not answered in ${timeout} ms`, { cause });
      throw new ClientError('network', `${method} ${path} did not reach the server`, { cause });
    }
  }
}

function readProblem(text: string): Problem | undefined {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null && 'code' in value && typeof value.code === 'string') return value as Problem;
  } catch {
    // Not JSON: a proxy's page, say. The status alone must do.
  }
  return undefined;
}

function retryAfter(response: { headers: { get(name: string): string | null } }): number | undefined {
  const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
  return Number.isFinite(seconds) ? seconds : undefined;
}
