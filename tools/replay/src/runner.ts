import { Publisher, type StreamClient } from '@waycast/client';
import { kilometres } from './distance.ts';
import type { Schedule } from './schedule.ts';
import type { Track, TrackPoint } from './track.ts';

/** What became of one track. */
export interface TrackReport {
  driver: string;
  /** how many it has */
  points: number;
  /** how many of them went out, however often each */
  sent: number;
  stored: number;
  rejected: number;
  /** stored, but the server does not believe them */
  suspect: number;
  /** ISO times of the first and last point, as they are in the file */
  first: string | null;
  last: string | null;
  km: number;
}

/** fixes of one driver that wait at the client; more would only cost memory */
const AHEAD = 2_000;

/** Sends one track through a publisher of its own, as its schedule says. */
export class Runner {
  readonly #track: Track;
  readonly #schedule: Schedule;
  readonly #driver: string;
  readonly #publisher: Publisher;
  readonly #rejected = new Set<number>();
  readonly #suspect = new Set<number>();
  #next = 0;

  constructor(client: StreamClient, track: Track, schedule: Schedule, driver: string, copies: number, log: (line: string) => void) {
    this.#track = track;
    this.#schedule = schedule;
    this.#driver = driver;
    this.#publisher = new Publisher(client, {
      driver,
      copies,
      onRejected: ({ seq, code, message }) => {
        this.#rejected.add(seq);
        log(`${driver}: point ${seq} was refused: ${message ?? code}`);
      },
      onSuspect: ({ seq }) => this.#suspect.add(seq),
      onError: (error) => log(`${driver}: ${error.message}`),
    });
  }

  get allSent(): boolean {
    return this.#next >= this.#schedule.count;
  }

  get settled(): number {
    return this.#publisher.stored;
  }

  /** Sends what is due `elapsed` ms after the start, at most `most`; answers how many. */
  send(elapsed: number, most: number): number {
    const from = this.#next;
    while (this.#next < Math.min(this.#schedule.count, from + most) && this.#publisher.pending < AHEAD) {
      if (this.#schedule.due(this.#next) > elapsed) break;
      this.#publisher.publish(fixOf(this.#schedule.point(this.#next)));
      this.#next += 1;
    }
    return this.#next - from;
  }

  /** Resolves when all is stored. @throws ClientError when the server will not take this driver's fixes */
  stored(): Promise<void> {
    return this.#publisher.flush();
  }

  close(): void {
    this.#publisher.close();
  }

  report(): TrackReport {
    const { points } = this.#track;
    const iso = (point: TrackPoint | undefined) => (point === undefined ? null : new Date(point.at).toISOString());
    return {
      driver: this.#driver,
      points: points.length,
      sent: this.#next,
      stored: this.#publisher.stored - this.#rejected.size,
      rejected: this.#rejected.size,
      suspect: this.#suspect.size,
      first: iso(points[0]),
      last: iso(points.at(-1)),
      km: Math.round(kilometres(points) * 1000) / 1000,
    };
  }
}

function fixOf({ at, ...rest }: TrackPoint) {
  return { ...rest, timestamp: at };
}
