import { useNow } from '../live/clock.ts';
import { useSelected, useStore } from '../live/store.ts';
import { formatAge } from '../trips/format.ts';
import { useLive } from './services.ts';

/** Whether what is shown is live, and how old it is. */
export function ConnectionBadge() {
  const live = useLive();
  const view = useStore(live.connection);
  const heardAt = useSelected(live.fleet, (fleet) => fleet.at);
  const now = useNow();
  const age = heardAt === 0 ? null : formatAge(now - heardAt);
  const waits = view.phase === 'reconnecting';
  return (
    <div className="connection" data-testid="connection-state" data-state={view.phase}>
      <span className={`beacon beacon-${view.phase}`} aria-hidden="true" />
      <span className="connection-words">
        <strong>{WORDS[view.phase]}</strong>
        {waits && <span className="connection-more">in {Math.max(0, Math.ceil((view.retryAt - now) / 1000))} s</span>}
        {!waits && age !== null && <span className="connection-more">{age}</span>}
      </span>
      {(waits || view.phase === 'offline') && (
        <button type="button" className="button small" onClick={() => live.reconnect()}>
          Try now
        </button>
      )}
    </div>
  );
}

const WORDS = { live: 'Live', connecting: 'Connecting', reconnecting: 'Reconnecting', offline: 'Offline', 'signed-out': 'Signed out' };
