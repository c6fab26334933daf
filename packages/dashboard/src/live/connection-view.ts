import type { ConnectionState } from '@waycast/client';

/** How the page stands with its server, in the words it shows. `retryAt` is epoch ms. */
export type ConnectionView =
  | { phase: 'connecting' }
  | { phase: 'live' }
  | { phase: 'reconnecting'; retryAt: number; reason: string }
  | { phase: 'offline' }
  | { phase: 'signed-out'; reason: string };

export function connectionView(state: ConnectionState, online: boolean, now: number): ConnectionView {
  switch (state.status) {
    case 'open':
      return { phase: 'live' };
    case 'closed':
      return { phase: 'signed-out', reason: state.reason };
    case 'connecting':
      return online ? { phase: 'connecting' } : { phase: 'offline' };
    case 'waiting':
      return online ? { phase: 'reconnecting', retryAt: now + state.delay, reason: state.reason } : { phase: 'offline' };
  }
}

/** What is said aloud when the connection changes; nothing for what passes by itself. */
export function connectionWords(view: ConnectionView): string | null {
  switch (view.phase) {
    case 'live':
      return 'Live';
    case 'reconnecting':
      return 'Connection lost. Reconnecting.';
    case 'offline':
      return 'You are offline.';
    case 'signed-out':
      return 'Signed out.';
    case 'connecting':
      return null;
  }
}
