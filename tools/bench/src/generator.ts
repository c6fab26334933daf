import { createInterface, type Interface } from 'node:readline';
import type { Child } from './children.ts';

/** One run as the generator reports it. Latencies in ms, -1 where the quantile lies among fixes that never came. */
export interface GeneratorResult {
  rate: number;
  seconds: number;
  /** fixes due inside the window */
  intended: number;
  /** of those, delivered at most 1 s after its end */
  onTime: number;
  /** of lead-in and window */
  sentTotal: number;
  deliveredTotal: number;
  /** deliveries that arrived while the window lasted, whenever they were due */
  arrivedInWindow: number;
  p50: number;
  p90: number;
  p99: number;
  p999: number;
  max: number;
  /** how long after its due moment a fix was given to the kernel */
  lateP50: number;
  lateP99: number;
  lateMax: number;
  /** not sent, because the server took nothing for too long */
  unsent: number;
  duplicates: number;
  disordered: number;
  garbled: number;
  stray: number;
  errors: number;
  rejected: number;
  conflated: number;
  closed: number;
  acknowledges: boolean;
  /** sum of the drivers' `stored` watermarks, and what it should be; both since the session began */
  storedSum: number;
  sentSum: number;
  /** ms after the window's end at which the last one was stored, delivered; -1: never */
  storedMs: number;
  drainedMs: number;
  complete: boolean;
  firstError: string;
}

/** What the generator takes, beside the rate. */
export interface Window {
  seconds: number;
  /** s of the same load before the window; not counted */
  lead: number;
  /** s to wait for the rest at most */
  drain: number;
}

/** Speaks with a generator process, C or Node. */
export class Generator {
  readonly child: Child;
  readonly #lines: Interface;
  /** What was said before anybody waited for it: on a busy machine several lines come at once. */
  readonly #said: string[] = [];
  #waiting: { word: string; resolve: (rest: string) => void; reject: (error: Error) => void } | undefined;

  constructor(child: Child) {
    this.child = child;
    if (child.process.stdout === null) throw new Error('the generator has no stdout');
    this.#lines = createInterface({ input: child.process.stdout });
    this.#lines.on('line', (line) => this.#take(line));
    child.process.once('exit', () => this.#waiting?.reject(new Error(`the generator ended: ${child.tail()}`)));
  }

  /** Seconds it took to connect and greet all. */
  async connected(): Promise<number> {
    return Number((await this.#line('ready', 70)).split(' ')[1]);
  }

  /** Runs one load; `mark` is called at the begin and the end of the window. */
  async run(rate: number, window: Window, mark: (edge: 'begin' | 'end') => void): Promise<GeneratorResult> {
    this.child.process.stdin?.write(`run ${rate} ${window.seconds} ${window.lead} ${window.drain}\n`);
    await this.#line('begin', window.lead + 20);
    mark('begin');
    await this.#line('end', window.seconds + 60);
    mark('end');
    return JSON.parse(await this.#line('result', window.drain + 30)) as GeneratorResult;
  }

  #line(word: string, seconds: number): Promise<string> {
    const said = this.#said.findIndex((line) => wordOf(line) === word);
    if (said >= 0) return Promise.resolve(restOf(this.#said.splice(0, said + 1)[said] ?? ''));
    if (this.child.ended()) throw new Error(`the generator ended: ${this.child.tail()}`);
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => reject(new Error(`the generator did not say "${word}" within ${seconds} s`)), seconds * 1000);
      const settled = (then: () => void) => {
        clearTimeout(timer);
        this.#waiting = undefined;
        then();
      };
      this.#waiting = {
        word,
        resolve: (rest) => settled(() => resolve(rest)),
        reject: (error) => settled(() => reject(error)),
      };
    });
  }

  #take(line: string): void {
    if (this.#waiting?.word === wordOf(line)) this.#waiting.resolve(restOf(line));
    else this.#said.push(line);
  }
}

function wordOf(line: string): string {
  return line.split(' ', 1)[0] ?? '';
}

function restOf(line: string): string {
  return line.slice(wordOf(line).length + 1);
}
