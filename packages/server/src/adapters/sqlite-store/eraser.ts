import type { ErasedSome, Eraser, Erasure, ErasurePart, ErasureWork } from '../../hub/storage-ports.ts';
import type { EraseRequest } from './messages.ts';

export interface EraserParts {
  /** By the store's one writer. */
  readonly write: (method: EraseRequest['method'], args: readonly unknown[]) => Promise<unknown>;
  readonly pending: () => Promise<readonly Erasure[]>;
}

/** The folder is its owner's alone, and so is the work. */
export class SqliteEraser implements Eraser, ErasureWork {
  readonly #parts: EraserParts;

  constructor(parts: EraserParts) {
    this.#parts = parts;
  }

  pending(): Promise<readonly Erasure[]> {
    return this.#parts.pending();
  }

  async begin(): Promise<ErasureWork> {
    return this;
  }

  async some(erasure: Erasure, part: ErasurePart, after: string | null): Promise<ErasedSome> {
    return (await this.#parts.write('some', [erasure, part, after])) as ErasedSome;
  }

  async hide(erasure: Erasure): Promise<void> {
    await this.#parts.write('hide', [erasure]);
  }

  async done(erasure: Erasure): Promise<void> {
    await this.#parts.write('done', [erasure]);
  }

  async end(): Promise<void> {}
}
