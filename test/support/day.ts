import { expect } from 'vitest';
import { readJournals } from '../oracle/journal.ts';
import { everybodySees, type LoadScene, seconds } from './fault-scene.ts';
import { notStored, tell } from './load-checks.ts';
import { until } from './until.ts';

const LOOK_EVERY_MS = 10;
const STORED_WITHIN_MS = 60_000;

interface Step {
  readonly name: string;
  /** ms, of the work of the operator; then until all that had waited is stored, and until every watcher saw every driver go on */
  readonly took: number;
  readonly stored: number;
  readonly seen: number;
  /** ms, the longest in which nobody heard of anything that it is stored */
  readonly silence: number;
}

/** What an operator does in a day to an installation that serves, one thing after another, and how it bears it. */
export class Day {
  readonly #scene: LoadScene;
  readonly #steps: Step[] = [];

  constructor(scene: LoadScene) {
    this.#scene = scene;
  }

  /** Does it; everything comes back by itself, and what was called stored is in history once [I1]. */
  async step(name: string, work: () => Promise<void>): Promise<void> {
    const { load } = this.#scene;
    const silence = this.#listen();
    try {
      const begun = performance.now();
      await work();
      const done = performance.now();
      const waiting = load.drivers.map(({ published }) => published);
      const behind = () => load.drivers.filter((driver, n) => driver.stored() < (waiting[n] ?? 0)).map(({ id }) => id);
      const [stored, seen] = await Promise.all([
        until(behind, (those) => those.length === 0, STORED_WITHIN_MS).then(() => performance.now() - done),
        everybodySees(this.#scene),
      ]);
      this.#steps.push({ name, took: done - begun, stored, seen, silence: silence.longest() });
    } catch (error) {
      throw new Error(`${name}: ${(error as Error).message}\n${this.table()}`, { cause: error });
    } finally {
      silence.end();
    }
    const wrong = await notStored(load, readJournals(load.journals).acks);
    expect(wrong.map((one) => tell(name, one))).toEqual([]);
  }

  /** All steps so far, for people. */
  table(): string {
    const rows = this.#steps.map(({ name, took, stored, seen, silence }) => [name, ...[took, silence, stored, seen].map(seconds)]);
    const all = [['step', 'took', 'nothing stored for', 'then all stored', 'then all seen'], ...rows];
    const width = (column: number) => Math.max(...all.map((row) => row[column]?.length ?? 0));
    return all.map((row) => row.map((cell, n) => (n === 0 ? cell.padEnd(width(n)) : cell.padStart(width(n)))).join('  ')).join('\n');
  }

  #listen(): { longest(): number; end(): void } {
    const { drivers } = this.#scene.load;
    const stored = () => drivers.reduce((sum, driver) => sum + driver.stored(), 0);
    let [last, since, longest] = [stored(), performance.now(), 0];
    const look = () => {
      longest = Math.max(longest, performance.now() - since);
      const now = stored();
      if (now !== last) [last, since] = [now, performance.now()];
    };
    const timer = setInterval(look, LOOK_EVERY_MS);
    return { longest: () => longest, end: () => clearInterval(timer) };
  }
}
