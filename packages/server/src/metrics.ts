import { ERRORS } from '@waycast/protocol';
import { AggregatorRegistry, Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { CanaryMeter } from './hub/canary.ts';
import type { Meter } from './hub/meter.ts';

const SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** Of single fixes every so many-th is timed: a histogram entry costs more than reading a clock. */
const SAMPLE = 16;
const OUTCOMES = ['delivered', 'failed', 'dead', 'given back'];

/** What operators see of the road, in Prometheus' terms. Seconds. */
export class Metrics implements Meter {
  readonly #registry = new Registry();
  readonly #messages = new Counter({ name: 'waycast_published_total', help: 'Messages published on feeds', registers: [this.#registry] });
  readonly #rows = new Counter({ name: 'waycast_stored_fixes_total', help: 'Fixes committed', registers: [this.#registry] });
  readonly #refusals = new Counter({
    name: 'waycast_refusals_total',
    help: 'Refusals by code',
    labelNames: ['code'],
    registers: [this.#registry],
  });
  readonly #attempts = new Counter({
    name: 'waycast_outbox_attempts_total',
    help: 'Tries to deliver outgoing messages, by what came of them',
    labelNames: ['outcome'],
    registers: [this.#registry],
  });
  readonly #stages = new Histogram({
    name: 'waycast_stage_seconds',
    help: 'received to accepted, sampled; received to delivered and to stored, by the oldest fix of each batch',
    labelNames: ['stage'],
    buckets: SECONDS,
    registers: [this.#registry],
  });
  readonly #archived = new Counter({
    name: 'waycast_archived_fixes_total',
    help: 'Fixes written to the archive and read back',
    registers: [this.#registry],
  });
  readonly #dropped = new Counter({
    name: 'waycast_dropped_fixes_total',
    help: 'Fixes past retention that left the database',
    registers: [this.#registry],
  });
  readonly #keeping = new Counter({
    name: 'waycast_retention_runs_total',
    help: 'Runs that keep history within its retention, by what came of them',
    labelNames: ['outcome'],
    registers: [this.#registry],
  });
  readonly #accepted = this.#stages.labels('accepted');
  readonly #delivered = this.#stages.labels('delivered');
  readonly #stored = this.#stages.labels('stored');
  #timed = 0;
  #count = 0;
  #counted = 0;

  constructor(gauges: {
    connections: () => number;
    backlog: () => number;
    storeOk: () => boolean;
    redisOk: () => boolean;
    partitions: () => number;
    outbox: () => { readonly pending: number; readonly dead: number };
  }) {
    collectDefaultMetrics({ register: this.#registry });
    // There from the start: of a count that begins at 1, Prometheus sees no increase.
    for (const code of Object.keys(ERRORS)) this.#refusals.inc({ code }, 0);
    for (const outcome of OUTCOMES) this.#attempts.inc({ outcome }, 0);
    for (const outcome of ['done', 'stayed', 'failed']) this.#keeping.inc({ outcome }, 0);
    for (const stage of ['accepted', 'delivered', 'stored']) this.#stages.zero({ stage });
    // Counted beside it: it is met with every fix.
    const take = (): number => {
      const more = this.#count - this.#counted;
      this.#counted = this.#count;
      return more;
    };
    new Counter({
      name: 'location_updates_total',
      help: 'Fixes taken into the log',
      registers: [this.#registry],
      collect() {
        this.inc(take());
      },
    });
    this.#gauge('websocket_connections_total', 'Sockets open now', gauges.connections);
    this.#gauge('waycast_log_backlog', 'Commands accepted and not yet stored', gauges.backlog, 'max');
    this.#gauge('waycast_outbox_pending', 'Messages that wait to be delivered', () => gauges.outbox().pending, 'max');
    this.#gauge('waycast_outbox_dead', 'Messages that were given up', () => gauges.outbox().dead, 'max');
    this.#gauge('waycast_partitions_owned', 'Partitions this process owns, of 64', gauges.partitions);
    this.#gauge('waycast_redis_ok', '1 while Redis can be reached, or is not used', () => (gauges.redisOk() ? 1 : 0), 'min');
    this.#gauge('waycast_store_ok', '1 while the store can write', () => (gauges.storeOk() ? 1 : 0), 'min');
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  async text(): Promise<string> {
    return this.#registry.metrics();
  }

  /** The primary of several workers may ask for them, for a sum of all. */
  answerPrimary(): void {
    AggregatorRegistry.setRegistries(this.#registry);
    new AggregatorRegistry();
  }

  taken(fixes: number): void {
    this.#count += fixes;
  }

  accepted(since: number): void {
    if (++this.#timed % SAMPLE === 0) this.#accepted.observe((performance.now() - since) / 1000);
  }

  delivered(since: number, messages: number): void {
    this.#messages.inc(messages);
    this.#delivered.observe((performance.now() - since) / 1000);
  }

  stored(since: number, rows: number): void {
    if (rows === 0 || since === 0) return;
    this.#rows.inc(rows);
    this.#stored.observe((performance.now() - since) / 1000);
  }

  /** A try to deliver a message was settled. */
  attempted(outcome: string): void {
    this.#attempts.inc({ outcome });
  }

  /** A run over history past retention came to its end; null: it failed. */
  kept(report: { readonly archived: number; readonly dropped: number; readonly stayed: number } | null): void {
    this.#keeping.inc({ outcome: report === null ? 'failed' : report.stayed > 0 ? 'stayed' : 'done' });
    this.#archived.inc(report?.archived ?? 0);
    this.#dropped.inc(report?.dropped ?? 0);
  }

  /** Those of the canary, which are there only while there is one. */
  openCanary(): CanaryMeter {
    const registers = [this.#registry];
    const histogram = (name: string, help: string) => new Histogram({ name, help, buckets: SECONDS, registers });
    const times = {
      watcher: histogram(
        'waycast_canary_fix_to_watcher_seconds',
        "From a fix of the server's own hidden driver to the watcher of its trip",
      ),
      stored: histogram('waycast_canary_fix_to_stored_seconds', "From a fix of the server's own hidden driver to its commit"),
    };
    const failures = new Counter({
      name: 'waycast_canary_failures_total',
      help: "Fixes of the server's own hidden driver that did not arrive, by where",
      labelNames: ['stage'],
      registers,
    });
    for (const stage of Object.keys(times)) failures.inc({ stage }, 0);
    const last = new Gauge({
      name: 'waycast_canary_last_success_timestamp_seconds',
      help: "When a fix of the server's own hidden driver last went all the way, or the start",
      registers,
      aggregator: 'min',
    });
    last.setToCurrentTime();
    return {
      arrived: (stage, after) => times[stage].observe(after / 1000),
      failed: (stage) => failures.inc({ stage }),
      succeeded: () => last.setToCurrentTime(),
    };
  }

  refused(code: string): void {
    this.#refusals.inc({ code });
  }

  /** `over`: what several workers together have of it. */
  #gauge(name: string, help: string, read: () => number, over: 'sum' | 'max' | 'min' = 'sum'): void {
    new Gauge({
      name,
      help,
      registers: [this.#registry],
      aggregator: over,
      collect() {
        this.set(read());
      },
    });
  }
}
