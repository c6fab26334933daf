import type { NumberedFeedName, StreamClient } from '@waycast/client';
import type { Watched, WatchedMessage } from '../oracle/observed.ts';

/** A watcher that writes down what the client library hands it. */
export interface Recorder extends Watched {
  readonly messages: WatchedMessage[];
  watch(feed: NumberedFeedName): void;
  /** The newest position shown on a feed, from a message or a snapshot; null before the first. */
  lastPosition(feed: NumberedFeedName): { lat: number; lng: number; timestamp: string } | null;
}

export function recorder(watcher: string, client: StreamClient): Recorder {
  const messages: WatchedMessage[] = [];
  const last = new Map<string, { lat: number; lng: number; timestamp: string } | null>();
  return {
    watcher,
    messages,
    watch: (feed) => {
      client.watch(feed, {
        snapshot: (message) => {
          messages.push({ ...message, ...(message.driver !== undefined && { driver: message.driver }) } as WatchedMessage);
          last.set(feed, message.location);
        },
        location: (message) => {
          messages.push(message);
          last.set(feed, message);
        },
        event: (message) => messages.push(message as WatchedMessage),
        conflated: (message) => messages.push(message),
        error: (error) => {
          throw new Error(`${watcher} may not watch ${feed}`, { cause: error });
        },
      });
    },
    lastPosition: (feed) => last.get(feed) ?? null,
  };
}
