import { useEffect, useState } from 'react';
import { Live } from '../live/live.ts';
import { useStore } from '../live/store.ts';
import { Dashboard } from './dashboard.tsx';
import { LiveContext, type Services, ServicesContext } from './services.ts';
import { SignIn } from './sign-in.tsx';

export function App({ services }: { services: Services }) {
  const session = useStore(services.sessions.state);
  const [live, setLive] = useState<Live | null>(null);

  useEffect(() => {
    if (session.state === 'out') return;
    const opened = new Live(session, services.sessions);
    setLive(opened);
    return () => {
      opened.close();
      setLive(null);
    };
  }, [session, services]);

  return (
    <ServicesContext value={services}>
      {session.state === 'out' && <SignIn why={session.why} />}
      {session.state === 'in' && live !== null && (
        <LiveContext value={live}>
          <Dashboard />
        </LiveContext>
      )}
    </ServicesContext>
  );
}
