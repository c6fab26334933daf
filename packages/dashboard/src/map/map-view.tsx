import { useEffect, useRef, useState } from 'react';
import { Icon } from '../app/icons.tsx';
import { useLive, useServices } from '../app/services.ts';
import type { SheetHeight } from '../app/sheet.tsx';
import { useStore } from '../live/store.ts';
import type { TripDetail } from '../live/trip-detail.ts';
import type { BasemapState, MapEngine, TripDrawing } from './engine.ts';
import { insetsFor } from './insets.ts';

interface Props {
  followed: string | null;
  onUnfollowed: () => void;
  sheet: SheetHeight;
}

/** The map on the page. MapLibre comes as a chunk of its own; the rest of the page does not wait for it. */
export function MapView({ followed, onUnfollowed, sheet }: Props) {
  const container = useRef<HTMLDivElement>(null);
  const unfollowed = useRef(onUnfollowed);
  unfollowed.current = onUnfollowed;
  const { engine, basemap, broken } = useEngine(container, unfollowed);
  const { config, route } = useServices();
  const { driver, trip } = useStore(route.state);

  // Before anything is fed: the first view of the fleet must fit into what the panel leaves free.
  useEffect(() => {
    if (engine === null) return;
    const place = () => engine.setInsets(insetsFor(innerWidth, innerHeight, sheet));
    place();
    addEventListener('resize', place);
    return () => removeEventListener('resize', place);
  }, [engine, sheet]);
  useFeeding(engine);
  useEffect(() => engine?.follow(followed), [engine, followed]);

  return (
    <div className="map-area">
      <section className="map" ref={container} data-testid="map" data-basemap={basemap} aria-label="Map of the fleet" />
      {broken !== null && <MapBroken why={broken} />}
      <div className="map-controls">
        <MapButton icon="plus" label="Zoom in" onClick={() => engine?.zoomBy(1)} />
        <MapButton icon="minus" label="Zoom out" onClick={() => engine?.zoomBy(-1)} />
        {trip === null && driver === null ? (
          <MapButton icon="fit" label="Show the whole fleet" onClick={() => engine?.fitFleet()} />
        ) : (
          <MapButton
            icon="fit"
            label={trip !== null ? 'Show the whole trip' : 'Show the vehicle'}
            onClick={() => (trip !== null ? engine?.fitTrip() : driver !== null && engine?.showVehicle(driver))}
          />
        )}
      </div>
      {basemap === 'offline' && config.basemapStyleUrl !== null && (
        <div className="basemap-note" role="note">
          <span>No street map</span>
          <button type="button" className="link" onClick={() => engine?.retryBasemap()}>
            Try again
          </button>
        </div>
      )}
    </div>
  );
}

function useEngine(container: React.RefObject<HTMLDivElement | null>, unfollowed: React.RefObject<() => void>) {
  const { config, route } = useServices();
  const [engine, setEngine] = useState<MapEngine | null>(null);
  const [basemap, setBasemap] = useState<BasemapState>('loading');
  const [broken, setBroken] = useState<string | null>(null);

  useEffect(() => {
    let opened: MapEngine | null = null;
    let over = false;
    const events = {
      pick: (driver: string) => route.go({ driver }),
      basemap: setBasemap,
      unfollowed: () => unfollowed.current(),
    };
    import('./engine.ts')
      .then((module) => {
        if (over || container.current === null) return;
        opened = new module.MapEngine(container.current, config.basemapStyleUrl, events);
        setEngine(opened);
      })
      .catch((error: unknown) => setBroken(error instanceof Error ? error.message : String(error)));
    return () => {
      over = true;
      setEngine(null);
      opened?.close();
    };
  }, [config, route, container, unfollowed]);

  return { engine, basemap, broken };
}

/** Hands what the feeds tell to the map, past React: it changes many times a second. */
function useFeeding(engine: MapEngine | null): void {
  const live = useLive();
  const { route } = useServices();

  useEffect(() => {
    if (engine === null) return;
    const { fleet, trip, driver } = live;
    const tellSelected = () => engine.select(route.state.get().driver ?? trip.detail.get()?.trip?.driverId ?? null);
    const tellTrip = () => {
      const detail = trip.detail.get();
      const carrier = detail?.trip?.driverId ?? null;
      if (carrier !== null && detail?.location != null && detail.phase === 'ready') engine.observe(carrier, detail.location);
      engine.setTrip(detail === null ? null : drawingOf(detail));
      tellSelected();
    };
    let shown: string | null = null;
    const tellDriver = () => {
      const detail = driver.detail.get();
      if (shown !== null && shown !== detail?.id) engine.release(shown);
      shown = detail?.id ?? null;
      if (detail?.location != null) engine.observe(detail.id, detail.location);
    };
    const tellFleet = () => {
      engine.setFleet(fleet.get().vehicles);
      // Whoever went out of the fleet stays where the opened trip or driver was last heard of.
      tellTrip();
      tellDriver();
    };
    tellTrip();
    tellFleet();
    const ends = [
      fleet.subscribe(tellFleet),
      trip.detail.subscribe(tellTrip),
      driver.detail.subscribe(tellDriver),
      route.state.subscribe(tellSelected),
    ];
    return () => {
      for (const end of ends) end();
    };
  }, [engine, live, route]);
}

function drawingOf(detail: TripDetail): TripDrawing | null {
  if (detail.trip === null) return null;
  return { id: detail.id, driverId: detail.trip.driverId, stops: detail.trip.stops, track: detail.track };
}

function MapButton({ icon, label, onClick }: { icon: 'plus' | 'minus' | 'fit'; label: string; onClick: () => void }) {
  return (
    <button type="button" className="map-button" onClick={onClick} aria-label={label} title={label}>
      <Icon name={icon} />
    </button>
  );
}

function MapBroken({ why }: { why: string }) {
  return (
    <div className="map-broken" role="alert">
      <h2>The map cannot be drawn here</h2>
      <p>It needs WebGL 2. Trips, stops and positions are still shown beside it.</p>
      <p className="faint">{why}</p>
    </div>
  );
}
