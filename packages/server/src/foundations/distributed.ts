import type { Foundation, Ground } from './foundation.ts';
import type { DatabaseSettings } from './on-postgres.ts';
export async function distributed(_settings: DatabaseSettings & { readonly redisUrl: string; readonly redisPassword: string | undefined }, _ground: Ground): Promise<Foundation> {
  throw new Error('not yet');
}
