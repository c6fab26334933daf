/** A driver id for each track: the prefix and what an id may carry of the track's name; no two are the same. */
export function driverIds(tracks: readonly string[], prefix: string): string[] {
  const used = new Set<string>();
  return tracks.map((track) => {
    const plain = (prefix + track).replaceAll(/[^A-Za-z0-9_.:-]+/g, '-').slice(0, 64) || 'track';
    let id = plain;
    for (let n = 2; used.has(id); n++) id = `${plain.slice(0, 63 - String(n).length)}-${n}`;
    used.add(id);
    return id;
  });
}
