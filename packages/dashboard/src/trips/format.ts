/** Words for numbers and times, as people read them on the map. */

export function formatDistance(metres: number): string {
  if (metres < 995) return `${Math.round(metres / 10) * 10} m`;
  const km = metres / 1000;
  return km < 10 ? `${km.toFixed(1)} km` : `${Math.round(km)} km`;
}

export function formatMinutes(seconds: number): string {
  if (seconds < 45) return 'under 1 min';
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, '0')} min`;
}

export function formatAge(millis: number): string {
  const seconds = Math.max(0, Math.floor(millis / 1000));
  if (seconds < 2) return 'just now';
  if (seconds < 60) return `${seconds} s ago`;
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min ago`;
  if (seconds < 86_400) return `${Math.floor(seconds / 3600)} h ago`;
  return `${Math.floor(seconds / 86_400)} d ago`;
}

export function formatSpeed(kmh: number | null): string {
  return kmh === null ? 'unknown' : `${Math.round(kmh)} km/h`;
}

/** Five decimals are about a metre: what a person can use. */
export function formatCoordinates(lat: number, lng: number): string {
  return `${lat.toFixed(5)}, ${lng.toFixed(5)}`;
}

const COMPASS = ['N', 'NE', 'E', 'SE', 'S', 'SW', 'W', 'NW'] as const;

export function formatBearing(degrees: number | null): string {
  if (degrees === null) return 'unknown';
  return `${COMPASS[Math.round(degrees / 45) % 8]} ${Math.round(degrees) % 360}°`;
}

/** Long ids (UUIDs) by their ends; short ones whole. */
export function shortId(id: string): string {
  return id.length <= 18 ? id : `${id.slice(0, 8)}…${id.slice(-4)}`;
}

const clock = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit' });
const clockWithSeconds = new Intl.DateTimeFormat(undefined, { hour: 'numeric', minute: '2-digit', second: '2-digit' });
const dayAndClock = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', hour: 'numeric', minute: '2-digit' });

/** The time of day; with the day when that is not today's. */
export function formatTime(iso: string, now: number, seconds = false): string {
  const at = new Date(iso);
  if (at.toDateString() !== new Date(now).toDateString()) return dayAndClock.format(at);
  return (seconds ? clockWithSeconds : clock).format(at);
}
