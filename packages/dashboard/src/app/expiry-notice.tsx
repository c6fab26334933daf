import { useState } from 'react';
import { useNow } from '../live/clock.ts';
import { formatMinutes } from '../trips/format.ts';
import { useLive, useServices } from './services.ts';

const WARN_BEFORE = 10 * 60_000;

/** Tells in good time that the sign-in ends, so that nobody is thrown out in the middle of something. */
export function ExpiryNotice() {
  const { session } = useLive();
  const { sessions } = useServices();
  const now = useNow();
  const [hidden, setHidden] = useState(false);
  if (session.expiresAt === null || hidden) return null;
  const left = Date.parse(session.expiresAt) - now;
  if (left > WARN_BEFORE || left < 0) return null;
  return (
    <div className="banner" role="status">
      <p>
        Your sign-in ends in {formatMinutes(left / 1000)}. Print a new one with <code>npm start -- token --role admin</code>.
      </p>
      <button type="button" className="button small" onClick={() => setHidden(true)}>
        Later
      </button>
      <button type="button" className="button small" onClick={() => sessions.end('left')}>
        Sign in again
      </button>
    </div>
  );
}
