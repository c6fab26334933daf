import { RestClient, StreamClient, type Watch } from '@waycast/client';
import { type ConnectionView, connectionView, connectionWords } from './connection-view.ts';
import { DriverWatch } from './driver-watch.ts';
import { type Fleet, NO_FLEET, withDriverEvent, withPositions } from './fleet.ts';
import { NO_TRIPS, type OpenTrips, withTripEvent } from './open-trips.ts';
import { OpenTripsReader } from './open-trips-reader.ts';
import type { SessionStore, SignedIn } from './session.ts';
import { Store } from './store.ts';
import { TripWatch } from './trip-watch.ts';

/** Everything live on the page, for as long as one session lasts. */
export class Live {
  readonly session: SignedIn;
  readonly connection = new Store<ConnectionView>({ phase: 'connecting' });
  readonly fleet = new Store<Fleet>(NO_FLEET);
  readonly trips = new Store<OpenTrips>(NO_TRIPS);
  /** the last thing worth saying aloud */
  readonly said = new Store('');
  readonly trip: TripWatch;
  readonly driver: DriverWatch;
  readonly #stream: StreamClient;
  readonly #fleetWatch: Watch;
  readonly #reader: OpenTripsReader;
  readonly #sessions: SessionStore;

  constructor(session: SignedIn, sessions: SessionStore) {
    this.session = session;
    this.#sessions = sessions;
    const url = location.origin;
    const rest = new RestClient({ url, token: session.token });
    this.#stream = new StreamClient({ url, token: session.token });
    this.#stream.onState(this.#onState);
    this.#reader = new OpenTripsReader(rest, this.trips, (code) => this.#refused(code));
    this.trip = new TripWatch(this.#stream, rest, (id) => this.trips.get().trips.get(id) ?? null, this.say);
    this.driver = new DriverWatch(this.#stream);
    this.#fleetWatch = this.#watchFleet();
    addEventListener('online', this.#onNetwork);
    addEventListener('offline', this.#onNetwork);
    document.addEventListener('visibilitychange', this.#onNetwork);
    this.#onState();
  }

  readonly say = (words: string): void => this.said.set(words);

  /** Tries now instead of waiting on. */
  reconnect(): void {
    this.#stream.wake();
  }

  rereadTrips(): void {
    void this.#reader.read();
  }

  close(): void {
    removeEventListener('online', this.#onNetwork);
    removeEventListener('offline', this.#onNetwork);
    document.removeEventListener('visibilitychange', this.#onNetwork);
    this.#fleetWatch.close();
    this.#reader.close();
    this.trip.open(null);
    this.driver.open(null);
    this.#stream.close();
  }

  #watchFleet(): Watch {
    return this.#stream.watch('fleet', {
      positions: (message) => {
        this.fleet.update((fleet) => withPositions(fleet, message, Date.now()));
        // Fleet events are not numbered: after every new start the list is read again.
        if (message.full) this.rereadTrips();
      },
      event: ({ event, trip }) => {
        this.fleet.update((fleet) => withDriverEvent(fleet, event, Date.now()));
        this.trips.update((trips) => withTripEvent(trips, event, trip));
      },
      error: (error) => this.#refused(error.code),
    });
  }

  #refused(code: string): void {
    if (code === 'token_expired') this.#sessions.end('expired');
    else if (code === 'unauthenticated' || code === 'forbidden') this.#sessions.end('refused');
  }

  readonly #onNetwork = (): void => {
    if (navigator.onLine && document.visibilityState === 'visible') this.#stream.wake();
    this.#onState();
  };

  readonly #onState = (): void => {
    const before = this.connection.get();
    const state = this.#stream.state;
    const view = connectionView(state, navigator.onLine, Date.now());
    this.connection.set(view);
    const words = connectionWords(view);
    if (words !== null && view.phase !== before.phase) this.say(words);
    if (state.status === 'closed') this.#refused(state.code);
  };
}
