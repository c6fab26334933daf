import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { BadInput } from './bad-input.ts';
import { readColumns } from './columns.ts';
import { parseCsv } from './csv.ts';

const point = { speed: null, bearing: null, accuracy: null, altitude: null };

test('reads a table by its usual names', () => {
  const text = 'Latitude,Longitude,Timestamp,Speed,Heading,Accuracy,Altitude\n41.5,2.25,2024-05-01T10:00:00Z,36,90,5,12\n';
  expect(parseCsv(text)).toEqual([
    { id: 'track', points: [{ lat: 41.5, lng: 2.25, at: Date.UTC(2024, 4, 1, 10), speed: 36, bearing: 90, accuracy: 5, altitude: 12 }] },
  ]);
});

test('finds the track column before the row number, and X and Y', () => {
  const text = [
    'X;Y;fid;id;sequence;trajectory_id;tracker;t',
    '116.391305;39.898573;1;1;1;1;19;2008-12-11 04:42:14+00',
    '116.391317;39.898617;2;2;2;1;19;2008-12-11 04:42:16+00',
    '116.337332;39.926186;6997;6997;871;5;2;2009-02-25 14:31:24+00',
  ].join('\r\n');
  expect(parseCsv(text)).toEqual([
    {
      id: '1',
      points: [
        { lat: 39.898573, lng: 116.391305, at: Date.UTC(2008, 11, 11, 4, 42, 14), ...point },
        { lat: 39.898617, lng: 116.391317, at: Date.UTC(2008, 11, 11, 4, 42, 16), ...point },
      ],
    },
    { id: '5', points: [{ lat: 39.926186, lng: 116.337332, at: Date.UTC(2009, 1, 25, 14, 31, 24), ...point }] },
  ]);
});

test('takes columns by the names that were given', () => {
  const text = 'a,b,c,who,lat\n1,2,1700000000,v7,x\n';
  const [track] = parseCsv(text, { columns: readColumns('lat=a,lng=b,time=c,track=who') });
  expect(track).toEqual({ id: 'v7', points: [{ lat: 1, lng: 2, at: 1_700_000_000_000, ...point }] });
  expect(() => readColumns('latitude=a')).toThrow("'latitude=a' is no column");
  expect(() => parseCsv(text, { columns: { lat: 'nowhere' } })).toThrow(
    "input:1: there is no column 'nowhere' for lat; there are: a, b, c, who, lat",
  );
});

test('times: ISO with and without an offset, epoch s and ms', () => {
  const at = (time: string, timezoneOffset?: string) => parseCsv(`lat,lng,t\n1,2,${time}\n`, { timezoneOffset })[0]?.points[0]?.at;
  const noon = Date.UTC(2024, 1, 29, 12);
  for (const time of [
    '2024-02-29T12:00:00Z',
    '2024-02-29 12:00:00',
    '2024/02/29 12:00',
    '2024-02-29 14:00:00.000+02',
    '2024-02-29T07:00:00-0500',
    `${noon / 1000}`,
    `${noon / 1000}.0`,
    `${noon}`,
  ]) {
    expect([time, at(time)]).toEqual([time, noon]);
  }
  expect(at('2024-02-29 12:00:00', '+02:00')).toBe(noon - 7_200_000);
  expect(at('2024-02-29 12:00:00Z', '+02:00')).toBe(noon);
  expect(at('2024-02-29 12:00:00.25')).toBe(noon + 250);
  expect(() => at('2024-02-29 12:00:00', 'CET')).toThrow("'CET' is no offset");
});

test('a bad row is named with file and line, and stops', () => {
  const bad = (row: string) => () => parseCsv(`lat,lng,t,speed\n1,2,1700000000,\n${row}\n`, { file: 'day.csv' });
  expect(bad('91,2,1700000000,')).toThrow('day.csv:3: lat 91 is not within -90 and 90');
  expect(bad('x,2,1700000000,')).toThrow("day.csv:3: lat 'x' is no number");
  expect(bad('1,,1700000000,')).toThrow('day.csv:3: lng is missing');
  expect(bad('1,2,2023-02-29 00:00:00,')).toThrow("day.csv:3: '2023-02-29 00:00:00' is no time");
  expect(bad('1,2,17,')).toThrow("day.csv:3: '17' is no time");
  expect(bad('1,2,1700000000,fast')).toThrow("day.csv:3: speed 'fast' is no number");
  expect(bad('1')).toThrow('day.csv:3: time is missing');
  expect(() => parseCsv('')).toThrow('there is no header line');
  expect(() => parseCsv('a,b\n1,2\n')).toThrow('no column looks like lat (name it: --columns lat=NAME); there are: a, b');
  expect(() => parseCsv('lat,lng,t\n1,2,"17000\n')).toThrow(/input:\d+: .*[Qq]uot/);
});

test('or is left out and counted', () => {
  const told: BadInput[] = [];
  const tracks = parseCsv('lat,lng,t\n1,2,1700000000\n99,2,1700000001\n3,4,1700000002\n', { onBad: (problem) => told.push(problem) });
  expect(tracks[0]?.points.map(({ lat }) => lat)).toEqual([1, 3]);
  expect(told.map(({ line }) => line)).toEqual([3]);
});

test('what devices write for "unknown" is unknown', () => {
  const [track] = parseCsv('lat,lng,t,speed,bearing,altitude\n1,2,1700000000,-1,360,-777\n1,2,1700000001,NaN,-1,\n');
  expect(track?.points.map(({ speed, bearing, altitude }) => [speed, bearing, altitude])).toEqual([
    [null, 0, null],
    [null, null, null],
  ]);
});

test('semicolons and tabs; a decimal comma; quotes; a byte order mark', () => {
  expect(parseCsv('\uFEFFlat;lng;t\n"41,5";2,25;1700000000\n')[0]?.points[0]).toMatchObject({ lat: 41.5, lng: 2.25 });
  expect(parseCsv('"lat"\t"lng"\t"t"\n1\t2\t1700000000\n')[0]?.points).toHaveLength(1);
  expect(parseCsv('lat,lng,t,track\n1,2,1700000000,"a, ""b"""\n')[0]?.id).toBe('a, "b"');
});

test('speeds in m/s become km/h', () => {
  expect(parseCsv('lat,lng,t,speed\n1,2,1700000000,10\n', { speedUnit: 'm/s' })[0]?.points[0]?.speed).toBe(36);
});

const row = fc.record({
  id: fc.string({ minLength: 1 }).filter((id) => id.trim() === id && id !== '' && !id.includes('\0')),
  lat: fc.double({ min: -90, max: 90, noNaN: true }),
  lng: fc.double({ min: -180, max: 180, noNaN: true }),
  at: fc.integer({ min: 100_000_000_000, max: 4_000_000_000_000 }),
  speed: fc.option(fc.double({ min: 0, max: 300, noNaN: true })),
});

test('what was written is read, whatever the delimiter, the order of columns and the form of times', () => {
  fc.assert(
    fc.property(
      fc.array(row, { minLength: 1, maxLength: 30 }),
      fc.constantFrom(',', ';', '\t'),
      fc.shuffledSubarray(['track', 'lat', 'lng', 'time', 'speed'], { minLength: 5 }),
      fc.boolean(),
      (rows, delimiter, order, iso) => {
        const cells = (r: (typeof rows)[number]): Record<string, string> => ({
          track: `"${r.id.replaceAll('"', '""')}"`,
          lat: String(r.lat),
          lng: String(r.lng),
          time: iso ? new Date(r.at).toISOString() : String(r.at),
          speed: r.speed === null ? '' : String(r.speed),
        });
        const text = [order.join(delimiter), ...rows.map((r) => order.map((name) => cells(r)[name]).join(delimiter))].join('\n');
        const tracks = parseCsv(text);
        const expected = new Map<string, unknown[]>();
        for (const { id, speed, ...rest } of rows) expected.set(id, [...(expected.get(id) ?? []), { ...point, ...rest, speed }]);
        // -0 is written as 0.
        const plain = (value: unknown) => JSON.parse(JSON.stringify(value));
        expect(plain(tracks)).toEqual(plain([...expected].map(([id, points]) => ({ id, points }))));
      },
    ),
    { numRuns: 200 },
  );
});

test('rubbish is refused by name, never by surprise', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 200 }), (text) => {
      try {
        parseCsv(`lat,lng,t\n${text}`);
      } catch (error) {
        expect((error as Error).name).toBe('BadInput');
      }
    }),
    { numRuns: 300 },
  );
});
