import { Duplex } from 'node:stream';

/** A socket whose other end reads only when it is told to. */
export class SlowSocket extends Duplex {
  #taken: Buffer[] = [];
  #stuck: { chunk: Buffer; done: () => void } | null = null;

  /** Every frame that has left, as JSON. */
  readonly messages: unknown[] = [];

  override _read(): void {}

  override _write(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    this.#stuck = { chunk, done };
  }

  /** The other end reads all there is; resolves once nothing is buffered. */
  async readAll(): Promise<void> {
    while (this.#stuck !== null) {
      const { chunk, done } = this.#stuck;
      this.#stuck = null;
      this.#taken.push(chunk);
      done();
      await new Promise<void>((resolve) => setImmediate(resolve));
    }
    this.#parse();
  }

  #parse(): void {
    let rest = Buffer.concat(this.#taken.splice(0));
    while (rest.length > 0) {
      const short = rest[1] ?? 0;
      const header = short < 126 ? 2 : short === 126 ? 4 : 10;
      const length = short < 126 ? short : short === 126 ? rest.readUInt16BE(2) : Number(rest.readBigUInt64BE(2));
      this.messages.push(JSON.parse(rest.subarray(header, header + length).toString('utf8')));
      rest = rest.subarray(header + length);
    }
  }
}
