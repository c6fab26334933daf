import type { TripStatus } from '@waycast/protocol';
import { statusLabel, statusTone } from './status.ts';

export function StatusPill({ status }: { status: TripStatus }) {
  return <span className={`pill tone-${statusTone(status)}`}>{statusLabel(status)}</span>;
}
