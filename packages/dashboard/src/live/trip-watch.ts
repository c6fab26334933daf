import { ClientError, type RestClient, type StreamClient, type Watch } from '@waycast/client';
import type { EventMessage, LocationMessage, TripView } from '@waycast/protocol';
import { eventTitle } from '../trips/event-words.ts';
import { Store } from './store.ts';
import { openDetail, type TripDetail, withEvent, withHistory, withLocation, withSnapshot, withTrack } from './trip-detail.ts';

/** A hole in the live track that is longer than this is filled from the stored one. */
const HOLE = 20_000;
const REREAD = 15_000;
const RETRY = 5_000;

/** The one opened trip: its feed, its history, its track. */
export class TripWatch {
  readonly detail = new Store<TripDetail | null>(null);
  readonly #stream: StreamClient;
  readonly #rest: RestClient;
  readonly #known: (id: string) => TripView | null;
  readonly #say: (words: string) => void;
  #watch: Watch | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #readAt = 0;

  constructor(stream: StreamClient, rest: RestClient, known: (id: string) => TripView | null, say: (words: string) => void) {
    this.#stream = stream;
    this.#rest = rest;
    this.#known = known;
    this.#say = say;
  }

  /** Opens a trip instead of the one before; null closes. */
  open(id: string | null): void {
    if (this.detail.get()?.id === id) return;
    this.#watch?.close();
    this.#watch = null;
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (id === null) {
      this.detail.set(null);
      return;
    }
    this.detail.set(openDetail(id, this.#known(id)));
    // Every snapshot is a new start, so what was stored meanwhile is read after it.
    this.#watch = this.#stream.watch(`trip:${id}`, {
      snapshot: (message) => {
        this.#change(id, (detail) => withSnapshot(detail, message, Date.now()));
        void this.#read(id);
      },
      location: (message) => this.#onLocation(id, message),
      event: (message) => this.#onEvent(id, message),
      conflated: () => this.#readSoon(id, REREAD),
      error: (error) => this.#onError(id, error),
    });
    void this.#read(id);
  }

  #onLocation(id: string, message: LocationMessage): void {
    const last = this.detail.get()?.location?.timestamp;
    this.#change(id, (detail) => withLocation(detail, message, Date.now()));
    // A backlog shows only its newest position: what lies between is stored.
    if (last !== undefined && Date.parse(message.timestamp) - Date.parse(last) > HOLE) this.#readSoon(id, REREAD);
  }

  #onEvent(id: string, { event, trip }: EventMessage): void {
    const fresh = this.detail.get()?.events.every((known) => known.id !== event.id) ?? false;
    this.#change(id, (detail) => withEvent(detail, event, trip));
    const current = this.detail.get()?.trip;
    if (fresh && current) this.#say(eventTitle(event, current));
  }

  async #read(id: string): Promise<void> {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#readAt = Date.now();
    try {
      const [history, track] = await Promise.all([this.#rest.history(id), this.#rest.track(id)]);
      this.#change(id, (detail) => withTrack(withHistory(detail, history), track));
    } catch (error) {
      if (!(error instanceof ClientError)) throw error;
      this.#onError(id, error);
    }
  }

  #readSoon(id: string, apart: number): void {
    if (this.#timer !== undefined) return;
    const wait = Math.max(1_000, this.#readAt + apart - Date.now());
    this.#timer = setTimeout(() => void this.#read(id), wait);
  }

  #onError(id: string, error: ClientError): void {
    if (this.detail.get()?.id !== id) return;
    if (error.code === 'not_found') this.#change(id, (detail) => ({ ...detail, phase: 'missing' }));
    else {
      this.#change(id, (detail) => (detail.trip === null ? { ...detail, phase: 'failed' } : detail));
      this.#readSoon(id, RETRY);
    }
  }

  #change(id: string, change: (detail: TripDetail) => TripDetail): void {
    this.detail.update((detail) => (detail?.id === id ? change(detail) : detail));
  }
}
