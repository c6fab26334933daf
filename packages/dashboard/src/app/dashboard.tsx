import { useEffect, useRef, useState } from 'react';
import { DriverCard } from '../drivers/driver-card.tsx';
import { useSelected, useStore } from '../live/store.ts';
import { MapView } from '../map/map-view.tsx';
import { TripList } from '../trips/trip-list.tsx';
import { TripPanel } from '../trips/trip-panel.tsx';
import { Announcer } from './announcer.tsx';
import { Brand } from './brand.tsx';
import { ConnectionBadge } from './connection-badge.tsx';
import { ExpiryNotice } from './expiry-notice.tsx';
import { FleetSummary } from './fleet-summary.tsx';
import { Icon } from './icons.tsx';
import { useLive, useServices } from './services.ts';
import { Sheet, type SheetHeight } from './sheet.tsx';

/** The live map with its panel: the list of open trips, or the one that is opened. */
export function Dashboard() {
  const live = useLive();
  const services = useServices();
  const route = useStore(services.route.state);
  const [following, setFollowing] = useState(false);
  const [sheet, setSheet] = useState<SheetHeight>('half');
  const tripDriver = useSelected(live.trip.detail, (detail) => detail?.trip?.driverId ?? null);

  useEffect(() => {
    live.trip.open(route.trip);
    setFollowing(false);
    if (route.trip !== null) setSheet((height) => (height === 'peek' ? 'half' : height));
  }, [live, route.trip]);
  useEffect(() => live.driver.open(route.driver), [live, route.driver]);

  useEffect(() => {
    document.title = route.trip === null ? services.config.serviceName : `${route.trip} · ${services.config.serviceName}`;
  }, [route.trip, services]);

  const followed = following ? (route.driver ?? tripDriver) : null;
  return (
    <div className="dashboard" data-sheet={sheet} data-opened={route.trip !== null ? 'trip' : 'list'}>
      <h1 className="visually-hidden">Live map</h1>
      <MapView followed={followed} onUnfollowed={() => setFollowing(false)} sheet={sheet} />
      <header className="top-bar">
        <Brand />
        <ConnectionBadge />
        <SignOut />
      </header>
      <Sheet height={sheet} onHeight={setSheet}>
        <ListArea hidden={route.trip !== null} />
        {route.trip !== null && (
          <TripPanel key={route.trip} following={followed !== null && followed === tripDriver} onFollow={setFollowing} />
        )}
      </Sheet>
      {route.driver !== null && <DriverCard key={route.driver} following={followed === route.driver} onFollow={setFollowing} />}
      <ExpiryNotice />
      <Announcer />
    </div>
  );
}

/** Kept while a trip is open, so that going back finds the same search and the same place in the list, and the row that was opened. */
function ListArea({ hidden }: { hidden: boolean }) {
  const { route } = useServices();
  const area = useRef<HTMLDivElement>(null);
  const opened = useRef<string | null>(null);

  useEffect(() => {
    if (hidden) {
      opened.current = route.state.get().trip;
      return;
    }
    const row = opened.current === null ? null : area.current?.querySelector<HTMLElement>(`[data-trip-id="${CSS.escape(opened.current)}"]`);
    opened.current = null;
    row?.focus({ preventScroll: true });
  }, [hidden, route]);

  return (
    <div className="list-area" hidden={hidden} ref={area}>
      <FleetSummary />
      <TripList />
    </div>
  );
}

function SignOut() {
  const { sessions } = useServices();
  return (
    <button type="button" className="button icon-only quiet" onClick={() => sessions.end('left')} aria-label="Sign out" title="Sign out">
      <Icon name="signout" />
    </button>
  );
}
