import type { Session } from '@waycast/protocol';
import { Store } from './store.ts';

/** Who is signed in here; `expiresAt` is null for a token without an end. */
export interface SignedIn {
  state: 'in';
  token: string;
  sub: string;
  role: string;
  expiresAt: string | null;
}

/** Why nobody is signed in: nobody was, the code was no good, the time was over, the server refused, or by choice. */
export interface SignedOut {
  state: 'out';
  why: 'new' | 'bad-code' | 'expired' | 'refused' | 'left';
}

export type SessionState = SignedIn | SignedOut;

const KEY = 'waycast.session';
const LONGEST_TIMEOUT = 2_147_483_647;
const STAFF = new Set(['admin', 'superadmin', 'dispatcher', 'service']);

/** The sign-in of this browser: kept in localStorage, so that a reload and a second tab stay signed in, until it expires. */
export class SessionStore {
  readonly state: Store<SessionState>;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    this.state = new Store<SessionState>(readStored());
    this.#expireInTime();
    addEventListener('storage', (event) => {
      if (event.key === KEY) this.#become(readStored());
    });
  }

  /** Turns the code of a printed sign-in URL into a session. */
  async redeem(code: string): Promise<void> {
    const answer = await fetch('/v1/session', {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ code }),
    }).catch(() => null);
    if (answer?.ok) {
      const { token, sub, role, expiresAt } = (await answer.json()) as Session;
      this.#keep({ state: 'in', token, sub, role, expiresAt });
    } else if (this.state.get().state === 'out') this.#become({ state: 'out', why: 'bad-code' });
  }

  /** Signs in with a pasted token. Answers what is wrong with it, or null. */
  async acceptToken(pasted: string): Promise<string | null> {
    const token = pasted.trim();
    const claims = readClaims(token);
    if (claims === null) return 'This is not a token. It has three parts with dots between them.';
    if (claims.expiresAt !== null && Date.parse(claims.expiresAt) <= Date.now()) return 'This token has expired. Print a new one.';
    if (!STAFF.has(claims.role)) return `The live map is for dispatchers and admins; this token says “${claims.role || 'no role'}”.`;
    const answer = await fetch('/v1/trips?status=open', { headers: { authorization: `Bearer ${token}` } }).catch(() => null);
    if (answer === null) return 'The server does not answer. Try again.';
    if (answer.status === 401 || answer.status === 403) return 'The server does not accept this token.';
    this.#keep({ state: 'in', token, ...claims });
    return null;
  }

  end(why: SignedOut['why']): void {
    localStorage.removeItem(KEY);
    this.#become({ state: 'out', why });
  }

  #keep(session: SignedIn): void {
    localStorage.setItem(KEY, JSON.stringify(session));
    this.#become(session);
  }

  #become(state: SessionState): void {
    this.state.set(state);
    this.#expireInTime();
  }

  #expireInTime(): void {
    clearTimeout(this.#timer);
    const session = this.state.get();
    if (session.state === 'out' || session.expiresAt === null) return;
    const left = Date.parse(session.expiresAt) - Date.now();
    if (left <= 0) this.end('expired');
    else this.#timer = setTimeout(() => this.#expireInTime(), Math.min(left, LONGEST_TIMEOUT));
  }
}

function readStored(): SessionState {
  const text = localStorage.getItem(KEY);
  if (text === null) return { state: 'out', why: 'new' };
  try {
    const value = JSON.parse(text) as Partial<SignedIn>;
    if (typeof value.token !== 'string' || typeof value.role !== 'string') return { state: 'out', why: 'new' };
    const expiresAt = value.expiresAt ?? null;
    if (expiresAt !== null && Date.parse(expiresAt) <= Date.now()) return { state: 'out', why: 'expired' };
    return { state: 'in', token: value.token, sub: value.sub ?? '', role: value.role, expiresAt };
  } catch {
    return { state: 'out', why: 'new' };
  }
}

/** What a token says of itself. Only the server can tell whether it is true. */
export function readClaims(token: string): { sub: string; role: string; expiresAt: string | null } | null {
  const parts = token.split('.');
  if (parts.length !== 3) return null;
  try {
    const bytes = Uint8Array.from(atob((parts[1] ?? '').replaceAll('-', '+').replaceAll('_', '/')), (c) => c.charCodeAt(0));
    const claims = JSON.parse(new TextDecoder().decode(bytes)) as Record<string, unknown>;
    const roles = Array.isArray(claims.roles) ? claims.roles : [claims.roles];
    const role = String(claims.role ?? roles[0] ?? '').toLowerCase();
    const expiresAt = typeof claims.exp === 'number' ? new Date(claims.exp * 1000).toISOString() : null;
    return { sub: String(claims.sub ?? claims.user_id ?? ''), role, expiresAt };
  } catch {
    return null;
  }
}
