import type { Violation, Watched } from './observed.ts';

/** An event as recorded; other members do not matter. */
export interface RecordedEvent {
  readonly id: string;
  readonly kind: string;
  readonly tripId?: string | undefined;
  readonly stopId?: string | undefined;
  readonly status?: string | undefined;
}

/** What happens at most once: a kind at a stop of a trip (G3), a status of a trip (T1). Null for what may happen again. */
function occasion(event: RecordedEvent): string | null {
  const { kind, tripId, stopId, status } = event;
  if (tripId === undefined) return null;
  if (kind === 'approaching' || kind === 'arrived' || kind === 'departed') return `trip ${tripId}, stop ${stopId}, ${kind}`;
  return kind === 'status' ? `trip ${tripId}, status ${status}` : null;
}

/** G8, A6: recorded once, under one id, and never shown live under another. */
export function checkEvents(recorded: readonly RecordedEvent[], watched: readonly Watched[]): Violation[] {
  const violations: Violation[] = [];
  const report = (code: Violation['code'], message: string): number => violations.push({ rule: 'events', code, message });
  const ids = new Set<string>();
  const idOf = new Map<string, string>();
  for (const event of recorded) {
    const once = occasion(event);
    const first = once === null ? undefined : idOf.get(once);
    if (ids.has(event.id)) report('id-twice', `event id ${event.id} (${event.kind}) is recorded twice`);
    else if (first !== undefined) report('event-twice', `${once} is recorded as ${first} and as ${event.id}`);
    ids.add(event.id);
    if (once !== null && first === undefined) idOf.set(once, event.id);
  }
  for (const { watcher, messages } of watched) {
    for (const { event } of messages) {
      const once = event === undefined ? null : occasion(event);
      if (event === undefined || once === null) continue;
      const first = idOf.get(once) ?? event.id;
      if (first !== event.id) report('two-ids', `${watcher}: ${once} came as ${event.id}, elsewhere it is ${first}`);
      idOf.set(once, first);
    }
  }
  return violations;
}
