import { PARTITIONS } from './ports.ts';

/** The partition of a driver: FNV-1a over its id. Stored cursors depend on it: it never changes. */
export function partitionOf(driverId: string): number {
  let hash = 0x811c9dc5;
  for (let i = 0; i < driverId.length; i++) {
    hash ^= driverId.charCodeAt(i);
    hash = Math.imul(hash, 0x01000193);
  }
  return (hash >>> 0) % PARTITIONS;
}
