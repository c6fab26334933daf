import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { ClientMessage, TripInput, TripStatus } from '@waycast/protocol';
import { WebSocketServer } from 'ws';

const LIVES: Record<string, readonly TripStatus[]> = {
  ride: ['PENDING', 'EN_ROUTE', 'ARRIVED', 'IN_PROGRESS', 'COMPLETED'],
  delivery: ['ASSIGNED', 'PICKED_UP', 'IN_TRANSIT', 'DELIVERED'],
};

interface StubTrip {
  id: string;
  input: TripInput;
  status: TripStatus;
}

/** Just enough of a server for the demo fleet: trips with their lifecycles, and a stream that takes every fix. */
export class StubServer {
  readonly trips = new Map<string, StubTrip>();
  /** driver, lat, lng, time of arrival, in order of arrival */
  readonly fixes: { driver: string; lat: number; lng: number; at: number }[] = [];
  /** `trip STATUS`, in order, with the driver's last position */
  readonly changes: { trip: string; status: TripStatus; lat: number; lng: number }[] = [];
  readonly profiles = new Map<string, unknown>();
  readonly available = new Map<string, unknown>();
  readonly asked: string[] = [];
  readonly problems: string[] = [];
  #http: Server | undefined;
  #sockets: WebSocketServer | undefined;
  #port = 0;

  get url(): string {
    return `http://127.0.0.1:${this.#port}`;
  }

  async start(): Promise<void> {
    const http = createServer((request, response) => void this.#answer(request, response));
    const sockets = new WebSocketServer({ server: http });
    sockets.on('connection', (socket) => {
      const streams = new Map<string, string>();
      socket.on('message', (data) => {
        const reply = this.#hear(JSON.parse(String(data)) as ClientMessage, streams);
        if (reply !== undefined) socket.send(JSON.stringify(reply));
      });
    });
    this.#http = http;
    this.#sockets = sockets;
    await new Promise<void>((resolve) => http.listen(this.#port, '127.0.0.1', resolve));
    this.#port = (http.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    for (const socket of this.#sockets?.clients ?? []) socket.terminate();
    this.#http?.closeAllConnections();
    await new Promise((resolve) => this.#http?.close(resolve));
  }

  #hear(message: ClientMessage, streams: Map<string, string>): object | undefined {
    if (message.type === 'auth') return { type: 'welcome', sub: 's', role: 'service', expiresAt: null, heartbeat: 15 };
    if (message.type === 'open') {
      const { stream, driver = '', ref } = message;
      streams.set(driver, stream);
      return { type: 'opened', stream, driver, accepted: 0, stored: 0, ref };
    }
    if (message.type !== 'fix' && message.type !== 'fixes') return undefined;
    const driver = message.driver ?? '';
    const fixes = message.type === 'fix' ? [message] : message.fixes;
    for (const { lat, lng } of fixes) this.fixes.push({ driver, lat, lng, at: performance.now() });
    const last = fixes.at(-1)?.seq;
    return { type: 'ack', driver, stream: streams.get(driver), accepted: last, stored: last };
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const chunk of request) text += String(chunk);
    const body: unknown = text === '' ? undefined : JSON.parse(text);
    const [path = '', query = ''] = (request.url ?? '').split('?');
    this.asked.push(`${request.method} ${path}`);
    const [, , kind = '', id = '', what = ''] = path.split('/');
    const { status, answer } = this.#route(`${request.method} ${kind}/${what}`, id, new URLSearchParams(query), body);
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(answer));
  }

  #route(what: string, id: string, query: URLSearchParams, body: unknown): { status: number; answer: unknown } {
    const trip = this.trips.get(id);
    switch (what) {
      case 'PUT drivers/':
        this.profiles.set(id, body);
        return { status: 200, answer: {} };
      case 'PUT drivers/availability':
        this.available.set(id, (body as { available: boolean }).available);
        return { status: 200, answer: {} };
      case 'GET trips/':
        if (id === '') return { status: 200, answer: { trips: this.#tripsOf(query.get('driverId') ?? ''), cursor: null } };
        return trip === undefined ? problem(404, 'not_found') : { status: 200, answer: trip };
      case 'POST trips/': {
        const input = body as TripInput;
        const made: StubTrip = { id: input.id ?? '', input, status: LIVES[input.kind]?.[0] ?? 'PENDING' };
        this.trips.set(made.id, made);
        return { status: 201, answer: made };
      }
      case 'POST trips/status':
        return trip === undefined ? problem(404, 'not_found') : this.#change(trip, (body as { status: TripStatus }).status);
      default:
        this.problems.push(`no route for ${what}`);
        return problem(404, 'not_found');
    }
  }

  #tripsOf(driver: string): StubTrip[] {
    return [...this.trips.values()].filter(({ input }) => input.driverId === driver);
  }

  #change(trip: StubTrip, status: TripStatus): { status: number; answer: unknown } {
    const life = LIVES[trip.input.kind] ?? [];
    if (status !== 'CANCELLED' && status !== trip.status && life.indexOf(status) !== life.indexOf(trip.status) + 1) {
      this.problems.push(`${trip.id} from ${trip.status} to ${status}`);
      return problem(409, 'illegal_transition');
    }
    trip.status = status;
    const at = this.fixes.findLast(({ driver }) => driver === trip.input.driverId);
    this.changes.push({ trip: trip.id, status, lat: at?.lat ?? 0, lng: at?.lng ?? 0 });
    return { status: 200, answer: trip };
  }
}

function problem(status: number, code: string): { status: number; answer: unknown } {
  return { status, answer: { type: 'about:blank', title: code, status, code, detail: code } };
}
