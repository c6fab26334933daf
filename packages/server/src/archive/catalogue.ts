import { type Part, partOf } from './part-name.ts';
import type { ArchiveFiles } from './ports.ts';

/** Known for so long, ms: parts come once a day. */
const KNOWN_MS = 30_000;
/** Other processes have heard of a part by then, ms; hot rows stay until they have. */
export const KNOWN_EVERYWHERE_MS = 2 * KNOWN_MS;

/** Which parts there are. */
export class Catalogue {
  readonly #files: ArchiveFiles;
  readonly #now: () => number;
  #parts: Promise<readonly Part[]> | undefined;
  #known: readonly Part[] = [];
  #asked = 0;

  /** `now` in ms. */
  constructor(files: ArchiveFiles, now: () => number) {
    this.#files = files;
    this.#now = now;
  }

  /** @throws ArchiveTrouble */
  parts(): Promise<readonly Part[]> {
    if (this.#parts === undefined || this.#now() - this.#asked > KNOWN_MS) {
      this.#asked = this.#now();
      const asked = listParts(this.#files);
      this.#parts = asked;
      asked.then(
        (parts) => {
          this.#known = parts;
        },
        () => {
          // Whoever comes next asks again.
          if (this.#parts === asked) this.#parts = undefined;
        },
      );
    }
    return this.#parts;
  }

  /** As it was last heard; what there is now is asked for, and not waited for. */
  known(): readonly Part[] {
    void this.parts().catch(() => undefined);
    return this.#known;
  }

  /** Something was found to be otherwise. */
  forget(): void {
    this.#parts = undefined;
  }
}

/** By day, then by name. */
export async function listParts(files: ArchiveFiles): Promise<readonly Part[]> {
  const parts = (await files.list()).flatMap(({ name, bytes }) => partOf(name, bytes) ?? []);
  return parts.sort((a, b) => a.day - b.day || (a.name < b.name ? -1 : 1));
}
