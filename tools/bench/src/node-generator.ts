import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import type { GeneratorResult } from './generator.ts';
import { type LoadPeer, LoadSocket } from './load-socket.ts';

/**
 * `generator.c` over again for machines without gcc: the same arguments, the same words on stdin and stdout, the same scheme.
 * It reaches about half the rate; rows it limits are marked generator-bound.
 */
const TICK = 1;
const ON_TIME = 1000;
const BURST = 256;

interface Run {
  start: number;
  end: number;
  total: number;
  lead: number;
  rate: number;
  windowed: boolean;
  /** ms, NaN: not yet */
  latency: Float64Array;
  lateness: Float64Array;
  delivered: number;
  onTime: number;
  arrivedInWindow: number;
}

function field(text: string | undefined): string | undefined {
  return text === undefined || text === '-' ? undefined : text;
}

class NodeGenerator {
  readonly #sockets: LoadSocket[] = [];
  readonly #drivers: number;
  readonly #peer: LoadPeer;
  #fixesBefore = 0;
  #run: Run | undefined;
  readonly #counts = { unsent: 0, duplicates: 0, disordered: 0, garbled: 0, stray: 0 };

  constructor(port: number, plan: string, peer: LoadPeer) {
    this.#peer = peer;
    for (const line of readFileSync(plan, 'utf8').trimEnd().split('\n')) {
      const [path = '/', header, first, marker] = line.split('\t');
      const index = this.#sockets.length;
      const planned = { path, header: field(header), first: field(first), marker: field(marker) };
      const take = (k: number) => this.#delivered(index >> 1, k);
      this.#sockets.push(new LoadSocket(port, planned, { driver: index >> 1, watches: index % 2 === 1 }, peer, take));
    }
    this.#drivers = this.#sockets.length / 2;
  }

  async connect(): Promise<void> {
    const start = performance.now();
    for (let from = 0; from < this.#sockets.length; from += 64) {
      await Promise.all(this.#sockets.slice(from, from + 64).map((socket) => socket.open()));
    }
    console.log(`ready ${this.#sockets.length} ${((performance.now() - start) / 1000).toFixed(3)}`);
  }

  #due(run: Run, n: number): number {
    return run.start + (n * 1000) / run.rate;
  }

  #delivered(driver: number, k: number): void {
    const run = this.#run;
    const index = (k - this.#fixesBefore) * this.#drivers + driver;
    if (!Number.isInteger(k)) this.#counts.garbled++;
    else if (run === undefined || index < 0 || index >= run.total) this.#counts.stray++;
    else {
      const now = performance.now();
      if (run.windowed) run.arrivedInWindow++;
      if (!Number.isNaN(run.latency[index])) {
        this.#counts.duplicates++;
        return;
      }
      const socket = this.#sockets[driver * 2 + 1];
      if (socket !== undefined && k <= socket.lastK) this.#counts.disordered++;
      if (socket !== undefined) socket.lastK = k;
      run.latency[index] = Math.max(0, now - this.#due(run, index));
      run.delivered++;
      if (index >= run.lead && now <= run.end + ON_TIME) run.onTime++;
    }
  }

  async measure(rate: number, seconds: number, lead: number, drain: number): Promise<GeneratorResult> {
    const perDriver = Math.ceil((rate * (seconds + lead)) / this.#drivers);
    const total = perDriver * this.#drivers;
    const start = performance.now() + 1;
    const run: Run = {
      ...{ start, end: start + (total * 1000) / rate, total, lead: Math.floor(rate * lead), rate, windowed: false },
      ...{ latency: new Float64Array(total).fill(Number.NaN), lateness: new Float64Array(total).fill(Number.NaN) },
      ...{ delivered: 0, onTime: 0, arrivedInWindow: 0 },
    };
    this.#run = run;
    Object.assign(this.#counts, { unsent: 0, duplicates: 0, disordered: 0, garbled: 0, stray: 0 });
    await this.#send(run);
    console.log('end');
    run.windowed = false;
    const sentSum = (this.#fixesBefore + perDriver) * this.#drivers;
    const settled = () => run.delivered === total && (!this.#peer.acknowledges || this.#stored() >= sentSum);
    while (!settled() && performance.now() < run.end + drain * 1000) await pause(5);
    const complete = settled();
    this.#fixesBefore += perDriver;
    this.#run = undefined;
    return this.#result(run, complete);
  }

  async #send(run: Run): Promise<void> {
    const wall = Date.now();
    const window = this.#due(run, run.lead);
    let next = 0;
    for (let now = performance.now(); next < run.total || now < run.end; now = performance.now()) {
      if (!run.windowed && now >= window) {
        run.windowed = true;
        console.log('begin');
      }
      for (let burst = 0; burst < BURST && next < run.total && this.#due(run, next) <= now; burst++, next++) {
        run.lateness[next] = performance.now() - this.#due(run, next);
        const driver = next % this.#drivers;
        const k = this.#fixesBefore + Math.floor(next / this.#drivers);
        const sent = this.#sockets[driver * 2]?.sendFix(k, wall + Math.floor((next * 1000) / run.rate));
        if (sent !== true) this.#counts.unsent++;
      }
      if (next < run.total && this.#due(run, next) <= now) await new Promise(setImmediate);
      else await pause(TICK);
    }
  }

  #stored(): number {
    return this.#sockets.reduce((sum, socket) => sum + socket.stored, 0);
  }

  #result(run: Run, complete: boolean): GeneratorResult {
    const sorted = (values: Float64Array) =>
      values.slice(run.lead).map((value) => (Number.isNaN(value) ? Number.POSITIVE_INFINITY : value));
    const latency = sorted(run.latency).sort();
    const lateness = sorted(run.lateness).sort();
    const quantile = (values: Float64Array, q: number) => {
      const value = values[Math.floor((values.length - 1) * q)] ?? Number.POSITIVE_INFINITY;
      return Number.isFinite(value) ? value : -1;
    };
    const sum = (pick: (socket: LoadSocket) => number) => this.#sockets.reduce((total, socket) => total + pick(socket), 0);
    const settledMs = performance.now() - run.end;
    return {
      rate: run.rate,
      seconds: (run.total - run.lead) / run.rate,
      intended: run.total - run.lead,
      onTime: run.onTime,
      sentTotal: run.total,
      deliveredTotal: run.delivered,
      arrivedInWindow: run.arrivedInWindow,
      p50: quantile(latency, 0.5),
      p90: quantile(latency, 0.9),
      p99: quantile(latency, 0.99),
      p999: quantile(latency, 0.999),
      max: quantile(latency, 1),
      lateP50: quantile(lateness, 0.5),
      lateP99: quantile(lateness, 0.99),
      lateMax: quantile(lateness, 1),
      ...this.#counts,
      errors: sum((socket) => socket.errors),
      rejected: sum((socket) => socket.rejected),
      conflated: sum((socket) => socket.conflated),
      closed: sum((socket) => (socket.closed ? 1 : 0)),
      acknowledges: this.#peer.acknowledges,
      storedSum: this.#stored(),
      sentSum: this.#fixesBefore * this.#drivers,
      storedMs: complete ? settledMs : -1,
      drainedMs: complete ? settledMs : -1,
      complete,
      firstError: this.#sockets.find((socket) => socket.firstError !== '')?.firstError ?? '',
    };
  }
}

const [port, plan = '', mark = '', prefix = '', suffix = '', acknowledges] = process.argv.slice(2);
const generator = new NodeGenerator(Number(port), plan, { mark, prefix, suffix, acknowledges: acknowledges === '1' });
await generator.connect();
for await (const line of createInterface({ input: process.stdin })) {
  const [word, rate = 0, seconds = 0, lead = 0, drain = 0] = line.split(' ').map((part, i) => (i === 0 ? part : Number(part)));
  if (word !== 'run') break;
  const result = await generator.measure(Number(rate), Number(seconds), Number(lead), Number(drain));
  console.log(`result ${JSON.stringify(result)}`);
}
process.exit(0);
