import { ClientError, type Publisher, type RestClient } from '@waycast/client';
import { coordinates, type Place, randomPlace, routeBetween } from './city.ts';
import { Job } from './job.ts';
import { between, type Random } from './random.ts';
import type { Member, Role } from './roster.ts';
import { Vehicle } from './vehicle.ts';

/** What all drivers of one run share. */
export interface Run {
  rest: RestClient;
  random: Random;
  log: (line: string) => void;
  /** whether the server is there: without it nobody asks, all drive on */
  online(): boolean;
  /** the next trip: its id and number, unique over runs */
  nextTrip(): { id: string; number: number };
}

/** The trip is not where we thought, so look. */
const ASTRAY = ['illegal_transition', 'trip_closed', 'not_found', 'trip_exists', 'revision_conflict'];
/** s: after a stall (a laptop that slept) nobody drives on for hours at once */
const LONGEST_STEP = 5;

/** One simulated driver: moves its vehicle, sends a fix at each tick, and lives through one trip after another. */
export class Driver {
  readonly member: Member;
  readonly #run: Run;
  readonly #publisher: Publisher;
  readonly #vehicle: Vehicle;
  #role: Role;
  #job: Job | undefined;
  #driving = false;
  #lastTick: number | undefined;
  /** epoch ms before which nothing new is begun */
  #idleUntil = 0;
  #waitUntil: number | undefined;
  /** epoch ms when one who rests by turns changes over */
  #turnAt = 0;
  #asking = false;
  #failures = 0;
  #doubt = false;
  #known = false;
  fixes = 0;
  trips = 0;

  constructor(member: Member, run: Run, publisher: Publisher) {
    this.member = member;
    this.#run = run;
    this.#publisher = publisher;
    this.#role = member.role;
    this.#vehicle = new Vehicle(randomPlace(run.random), member, run.random);
  }

  /** The connection was lost: what the server says about the trip counts. */
  doubt(): void {
    this.#doubt = true;
  }

  /** One second or so of its life; `now` in epoch ms. */
  tick(now: number): void {
    const seconds = Math.min((now - (this.#lastTick ?? now)) / 1000, LONGEST_STEP);
    this.#lastTick = now;
    this.#vehicle.step(seconds);
    this.#publisher.publish({ ...this.#vehicle.reading(), timestamp: now });
    this.fixes += 1;
    if (this.#asking || now < this.#idleUntil) return;
    if (!this.#known) this.#ask(now, () => this.#introduce());
    else if (this.#job !== undefined && this.#doubt) this.#ask(now, () => this.#look());
    else if (this.#job !== undefined) this.#work(this.#job, now);
    else if (this.#role === 'working') this.#begin(between(this.#run.random, 300, 1_500));
    else this.#stroll(now);
  }

  /** Tells the server who it is; ends what an earlier run left open, and starts close to the first pick-up. */
  async #introduce(): Promise<void> {
    const { id, name, vehicle, plate } = this.member;
    const { rest, random } = this.#run;
    await rest.setProfile(id, { name, vehicle, plate });
    await rest.setAvailability(id, this.#role !== 'resting');
    const { trips } = await rest.trips({ driverId: id, status: 'open' });
    for (const trip of trips) await rest.setStatus(trip.id, { status: 'CANCELLED' });
    this.#known = true;
    this.#turnAt = Date.now() + between(random, 120, 300) * 1000;
    // Half of them are about to arrive, so that whoever looks for the first time sees something happen.
    if (this.#role === 'working') this.#begin(random() < 0.5 ? between(random, 150, 400) : between(random, 400, 1_500));
  }

  #begin(toPickup: number): void {
    const { random } = this.#run;
    const pickup = this.#somewhere(this.#vehicle.place, toPickup);
    const { id, number } = this.#run.nextTrip();
    const { id: driverId, name: driverName, work: kind } = this.member;
    const dropoff = this.#somewhere(pickup, between(random, 500, 1_600));
    this.#job = new Job({ id, number, kind, driverId, driverName, pickup, dropoff }, random);
    this.#driving = false;
    this.#waitUntil = undefined;
    this.#doubt = false;
  }

  #work(job: Job, now: number): void {
    const { task } = job;
    if (task === undefined) {
      this.trips += 1;
      this.#leave(now);
      return;
    }
    switch (task.do) {
      case 'create':
        this.#ask(now, async () => {
          await this.#run.rest.createTrip(job.input());
          job.advance();
        });
        break;
      case 'status':
        this.#ask(now, async () => {
          await this.#run.rest.setStatus(job.plan.id, { status: task.status });
          job.advance();
        });
        break;
      case 'wait':
        this.#waitUntil ??= now + task.seconds * 1000;
        if (now < this.#waitUntil) break;
        this.#waitUntil = undefined;
        job.advance();
        break;
      case 'drive':
        if (!this.#driving) this.#vehicle.driveTo(job.plan[task.to]);
        this.#driving = !this.#vehicle.arrived;
        if (!this.#driving) job.advance();
        break;
    }
  }

  #leave(now: number): void {
    this.#job = undefined;
    this.#driving = false;
    this.#waitUntil = undefined;
    this.#idleUntil = now + between(this.#run.random, 3, 15) * 1000;
  }

  /** No trips: drives about, or rests for a while. */
  #stroll(now: number): void {
    if (!this.#vehicle.arrived) return;
    const { random, rest } = this.#run;
    if (this.member.role === 'resting' && now >= this.#turnAt) {
      const next: Role = this.#role === 'resting' ? 'cruising' : 'resting';
      this.#ask(now, async () => {
        await rest.setAvailability(this.member.id, next !== 'resting');
        this.#role = next;
        this.#turnAt = now + between(random, 120, 300) * 1000;
      });
    } else if (this.#role === 'cruising') this.#vehicle.driveTo(randomPlace(random));
  }

  async #look(): Promise<void> {
    const job = this.#job;
    if (job === undefined) return;
    this.#doubt = false;
    if (!job.created) return;
    try {
      const trip = await this.#run.rest.trip(job.plan.id);
      if (job.realign(trip.status)) return;
      // Only an older state of the server can know less than was answered: start over.
      await this.#run.rest.setStatus(trip.id, { status: 'CANCELLED' });
      this.#leave(Date.now());
    } catch (error) {
      if (!(error instanceof ClientError) || error.code !== 'not_found') {
        this.#doubt = true;
        throw error;
      }
      // A server with an empty folder: this trip is gone.
      this.#run.log(`${this.member.name}: trip ${job.plan.id} is gone, taking another one`);
      this.#leave(Date.now());
    }
  }

  /** One request at a time; a failed one is made again, later and later. */
  #ask(now: number, request: () => Promise<void>): void {
    if (!this.#run.online()) return;
    this.#asking = true;
    request()
      .then(() => {
        this.#failures = 0;
      })
      .catch((error: unknown) => {
        const code = error instanceof ClientError ? error.code : undefined;
        if (code === 'closed') return;
        this.#failures += 1;
        if (code !== undefined && ASTRAY.includes(code)) this.#doubt = true;
        if (code === 'trip_exists') this.#job = undefined;
        const asked = error instanceof ClientError ? (error.retryAfter ?? 0) * 1000 : 0;
        const wait = Math.max(asked, Math.min(1_000 * 2 ** (this.#failures - 1), 15_000)) + this.#run.random() * 1_000;
        this.#idleUntil = now + wait;
        const what = error instanceof Error ? error.message : String(error);
        this.#run.log(`${this.member.name}: ${what}; again in ${Math.round(wait / 1000)} s`);
      })
      .finally(() => {
        this.#asking = false;
      });
  }

  /** A place about so many m of driving away, and not just across the corner. */
  #somewhere(from: Place, metres: number): Place {
    let best = randomPlace(this.#run.random);
    let miss = Number.POSITIVE_INFINITY;
    for (let tries = 0; tries < 60 && miss > 40; tries++) {
      const place = randomPlace(this.#run.random);
      const off = Math.abs(routeBetween(from, place).length - metres) + (apart(from, place) < 130 ? 1_000 : 0);
      if (off < miss) {
        best = place;
        miss = off;
      }
    }
    return best;
  }
}

/** m, as the crow flies; good enough within one city. */
function apart(a: Place, b: Place): number {
  const [from, to] = [coordinates(a), coordinates(b)];
  return Math.hypot((from.lat - to.lat) * 111_195, (from.lng - to.lng) * 83_400);
}
