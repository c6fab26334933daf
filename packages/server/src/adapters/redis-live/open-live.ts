import type { Clock } from '../../hub/ports.ts';
import type { RedisConnection } from '../redis/redis-connection.ts';
import { Interest } from './interest.ts';
import { RedisBus } from './redis-bus.ts';
import { RedisHot } from './redis-hot.ts';
import { Subscriber } from './subscriber.ts';
import { Turn } from './turn.ts';

export interface LiveOptions {
  readonly connection: RedisConnection;
  readonly clock: Clock;
  /** The number of this process: no other one has it at the time. */
  readonly home: number;
  readonly warn?: (message: string, error: unknown) => void;
}

export interface RedisLive {
  readonly bus: RedisBus;
  readonly hot: RedisHot;
  /** Whether some process, this one included, wants this feed, or wanted it within the last 300 s. */
  isWanted(feed: string): boolean;
  /** Twice is safe. */
  close(): Promise<void>;
}

/** The bus and the hot state, which write together: in one pipeline a turn, states and rings before messages. Resolves once this process hears the others. */
export async function openLive({ connection, clock, home, warn = () => undefined }: LiveOptions): Promise<RedisLive> {
  const turn = new Turn(connection);
  const interest = new Interest({
    connection,
    clock,
    home,
    turn,
    lost: () => bus.lost,
    wiped: () => hot.writeAgain(),
    doubt: () => bus.doubt(),
  });
  const hot = new RedisHot({ connection, interest, turn });
  const bus = new RedisBus({ connection, home, interest, turn });
  const heard = Promise.withResolvers<void>();
  const subscriber = new Subscriber(connection, [bus.inbox, bus.fleet, interest.channel, interest.answers], {
    message: (channel, text) => {
      try {
        if (channel === bus.inbox || channel === bus.fleet) bus.hear(channel, text);
        else interest.hear(channel, text);
      } catch (error) {
        warn(`a message on ${channel} is none of ours and was left out`, error);
      }
    },
    hearing: () => void interest.start().then(() => heard.resolve()),
  });
  let away = false;
  const stopListening = connection.onChange(({ ok }) => {
    // In a Cluster a node may have changed while the others went on.
    if (ok && (away || connection.cluster)) hot.writeLatest();
    away = !ok;
    // What waited meanwhile.
    if (ok) turn.touch();
  });
  await heard.promise;
  return {
    bus,
    hot,
    isWanted: (feed) => interest.isWanted(feed),
    close: async () => {
      stopListening();
      await interest.close();
      subscriber.close();
    },
  };
}
