import { type FormEvent, useId, useState } from 'react';
import type { SignedOut } from '../live/session.ts';
import { Brand } from './brand.tsx';
import { useServices } from './services.ts';

const HEADINGS: Record<SignedOut['why'], { title: string; text: string }> = {
  new: { title: 'Sign in', text: 'Open the sign-in URL that the server printed when it started, or paste a token.' },
  'bad-code': { title: 'This sign-in link no longer works', text: 'A link is good once, and for 15 minutes after the server printed it.' },
  expired: { title: 'Your sign-in has expired', text: 'Sign in again to go on; nothing was lost.' },
  refused: { title: 'The server refused this sign-in', text: 'Its token is not valid here any more, or its role may not see the fleet.' },
  left: { title: 'You are signed out', text: 'This browser has forgotten its token.' },
};

/** What a person sees without a session: what to do, and a field for a token. */
export function SignIn({ why }: { why: SignedOut['why'] }) {
  const { title, text } = HEADINGS[why];
  return (
    <main className="sign-in" data-testid="signin" data-why={why}>
      <div className="sign-in-card">
        <Brand />
        <h1>{title}</h1>
        <p className="lead">{text}</p>
        <ol className="ways">
          <li>
            <strong>Restart the server.</strong> It prints a new sign-in URL each time it starts.
          </li>
          <li>
            <strong>Or print a token</strong> where the server runs, and paste it here:
            <code className="command">npm start -- token --role admin</code>
          </li>
        </ol>
        <TokenForm />
      </div>
    </main>
  );
}

function TokenForm() {
  const { sessions } = useServices();
  const [token, setToken] = useState('');
  const [problem, setProblem] = useState<string | null>(null);
  const [busy, setBusy] = useState(false);
  const id = useId();

  async function submit(event: FormEvent): Promise<void> {
    event.preventDefault();
    setBusy(true);
    const wrong = await sessions.acceptToken(token);
    setBusy(false);
    setProblem(wrong);
  }

  return (
    <form onSubmit={submit} className="token-form">
      <label htmlFor={id}>Token</label>
      <textarea
        id={id}
        value={token}
        onChange={(event) => setToken(event.target.value)}
        rows={3}
        spellCheck={false}
        autoComplete="off"
        autoCapitalize="off"
        placeholder="eyJ…"
        aria-invalid={problem !== null}
        aria-describedby={`${id}-problem`}
      />
      <p id={`${id}-problem`} className="problem" role="alert">
        {problem}
      </p>
      <button type="submit" className="button primary wide" disabled={busy || token.trim() === ''}>
        {busy ? 'Checking…' : 'Sign in'}
      </button>
    </form>
  );
}
