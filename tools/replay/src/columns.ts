/** The names under which a file has what a point needs. */
export interface Columns {
  lat: string;
  lng: string;
  time: string;
  track: string;
  speed: string;
  bearing: string;
  accuracy: string;
  altitude: string;
}

/** Where in a row each value stands; undefined: the file does not have it. */
export type Positions = { [K in keyof Columns]: number | undefined };

// The first name that is there wins; `id` comes last, since many files number their rows by it.
const NAMES: { [K in keyof Columns]: readonly string[] } = {
  lat: ['lat', 'latitude', 'y'],
  lng: ['lng', 'lon', 'long', 'longitude', 'x'],
  time: ['timestamp', 'time', 'datetime', 'date_time', 'captured_at', 'recorded_at', 't'],
  track: ['track', 'track_id', 'trajectory_id', 'trajectory', 'driver', 'driver_id', 'vehicle', 'vehicle_id', 'trip_id', 'device_id', 'id'],
  speed: ['speed', 'speed_kmh', 'velocity'],
  bearing: ['bearing', 'heading', 'course', 'direction'],
  accuracy: ['accuracy', 'horizontal_accuracy', 'hacc'],
  altitude: ['altitude', 'alt', 'elevation', 'ele', 'z'],
};

function isColumn(key: string): key is keyof Columns {
  return Object.hasOwn(NAMES, key);
}

/** Reads `lat=Y,lng=X,time=t,track=trajectory_id`. @throws RangeError that names what is wrong */
export function readColumns(text: string): Partial<Columns> {
  const columns: Partial<Columns> = {};
  for (const part of text.split(',')) {
    const [key = '', ...name] = part.split('=');
    if (!isColumn(key.trim()) || name.length === 0) {
      throw new RangeError(`'${part}' is no column as ${Object.keys(NAMES).join(', ')}=NAME is`);
    }
    columns[key.trim() as keyof Columns] = name.join('=').trim();
  }
  return columns;
}

/** Finds the columns in a file's header: those that were named, the others by their usual names. @throws RangeError */
export function findColumns(header: readonly string[], named: Partial<Columns>): Positions {
  const names = header.map((name) => name.trim());
  const plain = names.map((name) => name.toLowerCase().replaceAll(/[\s-]+/g, '_'));
  const find = (key: keyof Columns): number | undefined => {
    const wanted = named[key];
    if (wanted !== undefined) {
      const at = names.indexOf(wanted);
      if (at < 0) throw new RangeError(`there is no column '${wanted}' for ${key}; there are: ${names.join(', ')}`);
      return at;
    }
    const taken = new Set(Object.values(named));
    for (const name of NAMES[key]) {
      const at = plain.indexOf(name);
      if (at >= 0 && !taken.has(names[at] ?? '')) return at;
    }
    if (key === 'lat' || key === 'lng' || key === 'time') {
      throw new RangeError(`no column looks like ${key} (name it: --columns ${key}=NAME); there are: ${names.join(', ')}`);
    }
    return undefined;
  };
  return {
    lat: find('lat'),
    lng: find('lng'),
    time: find('time'),
    track: find('track'),
    speed: find('speed'),
    bearing: find('bearing'),
    accuracy: find('accuracy'),
    altitude: find('altitude'),
  };
}
