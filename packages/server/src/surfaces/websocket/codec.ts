import type { Delivery } from '../../hub/delivery.ts';

/** What travels to watchers, in the words of one dialect. */
export interface Codec {
  /** The frame of a delivery; null when this client is told nothing of it. */
  frameOf(delivery: Delivery): Buffer | null;
  /** The frame that marks messages `from`..`to` of a feed as left out; null where a dialect has no such mark. */
  conflated(feed: string, epoch: string, from: number, to: number): Buffer | null;
}
