import type { ErasurePart } from '../storage-ports.ts';
import type { OpenStore } from './place.ts';

const PARTS: readonly ErasurePart[] = ['messages', 'trips', 'events', 'sessions', 'commands', 'fixes', 'streams'];

/** All that is left to do of every erasure there is; answers what each part did, of all of them, and which had to be held. */
export async function eraseAll(store: OpenStore): Promise<{ rows: Record<string, number>; trips: string[]; held: string[] }> {
  const work = await store.eraser.begin();
  if (work === null) throw new Error('somebody else erases');
  const rows: Record<string, number> = {};
  const trips: string[] = [];
  const held = new Set<string>();
  for (const erasure of await store.eraser.pending()) {
    for (const part of PARTS) {
      for (let after: string | null = null; ; ) {
        const step = await work.some(erasure, part, after);
        rows[part] = (rows[part] ?? 0) + step.rows;
        trips.push(...step.trips);
        if (step.held) held.add(part);
        if (step.next === null) break;
        after = step.next;
      }
    }
    if (held.size === 0) await work.done(erasure);
  }
  await work.end();
  return { rows, trips, held: [...held] };
}
