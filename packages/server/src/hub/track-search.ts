import { WaycastError } from '@waycast/protocol';
import { searchableDrivers } from './access.ts';
import type { Principal } from './principal.ts';
import type { PassList, PassSearch, Records } from './storage-ports.ts';

/** Searches of a process at once: history is large, and others read it too. */
const AT_ONCE = 4;
const NOBODY: PassList = { items: [], isComplete: true };

/** Who passed a place, as history has it [Q]. */
export class TrackSearch {
  readonly #records: Pick<Records, 'passes'>;
  #searching = 0;

  constructor(records: Pick<Records, 'passes'>) {
    this.#records = records;
  }

  /** @throws WaycastError `forbidden` [Q5], `rate_limited` while as many as may be are under way [Q6] */
  async find(who: Principal, search: PassSearch, limit: number): Promise<PassList> {
    const drivers = searchableDrivers(who, search.drivers);
    if (drivers?.length === 0) return NOBODY;
    if (this.#searching >= AT_ONCE)
      throw new WaycastError('rate_limited', `${AT_ONCE} searches are under way; again in a second`, { retryAfter: 1 });
    this.#searching++;
    try {
      return await this.#records.passes({ ...search, drivers }, limit);
    } finally {
      this.#searching--;
    }
  }
}
