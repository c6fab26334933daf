import { setTimeout as pause } from 'node:timers/promises';
import { postgresProgram } from '../../../services/postgres.ts';
import { type Child, start } from '../children.ts';
import { COLUMNS, copyLine } from './rows.ts';

/** Rows of one COPY, a transaction each. */
const CHUNK = 2_000;
const DRIVERS = 20_000;
/** Far above the numbers of drivers the server knows. */
const FIRST = 1_000_000_000;
const TICK_MS = 5;

/** A second writer: psql, that copies history into the server's table as long as it is asked to. */
export class Loader {
  readonly #child: Child;
  readonly #rate: number;
  readonly #received = Date.now();
  #made = 0;
  #written = 0;
  #seen = '';

  /** `rate`: rows/s at most; `core`: where psql runs. */
  constructor(url: string, rate: number, core: number | undefined) {
    this.#rate = rate;
    const args = ['-X', '-q', '-A', '-t', '-v', 'ON_ERROR_STOP=1', url];
    this.#child = start({ command: postgresProgram('psql'), args, env: {} }, core, true);
    this.#child.process.stdout?.setEncoding('utf8').on('data', (text: string) => {
      this.#seen += text;
      this.#written = this.#seen.split('stored\n').length - 1;
    });
  }

  /** Rows that are durable. */
  get stored(): number {
    return this.#written * CHUNK;
  }

  /** Writes until told to stop; a chunk is sent when it is due and the one before it is stored. */
  async run(until: AbortSignal): Promise<void> {
    const [began, before] = [performance.now(), this.#made];
    while (!until.aborted) {
      if (this.#child.ended()) throw new Error(`psql ended: ${this.#child.tail()}`);
      const due = ((performance.now() - began) * this.#rate) / 1_000;
      if (this.#made - before + CHUNK <= due && this.stored === this.#made) this.#copy();
      await pause(TICK_MS);
    }
    while (this.stored < this.#made && !this.#child.ended()) await pause(TICK_MS);
  }

  close(): Promise<void> {
    return this.#child.stop();
  }

  #copy(): void {
    const lines = Array.from({ length: CHUNK }, () => copyLine(this.#made++, DRIVERS, this.#received, FIRST));
    this.#child.process.stdin?.write(`COPY location_history (${COLUMNS}) FROM STDIN;\n${lines.join('')}\\.\n\\echo stored\n`);
  }
}
