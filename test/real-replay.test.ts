import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { RestClient } from '@waycast/client';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { compareTrack } from './oracle/against.ts';
import { realTracks, type Track } from './oracle/tracks.ts';
import { truth } from './oracle/truth.ts';
import { historyOf } from './support/history.ts';
import { runCli } from './support/run-cli.ts';
import { startServer, type TestServer } from './support/server.ts';

const { source, tracks } = realTracks();

let server: TestServer;
let rest: RestClient;
let folder: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'waycast-replay-'));
  server = await startServer({ env: { LOCATION_UPDATE_RATE_LIMIT: '0' } });
  rest = new RestClient({ url: server.url, token: await server.token('service') });
});

afterAll(async () => {
  await server.stop();
  rmSync(folder, { recursive: true });
});

/** A file as trackers export it, all tracks in one. */
function file(name: string, write: (track: Track) => string[], header: string): string {
  const path = join(folder, name);
  writeFileSync(path, `${[header, ...tracks.flatMap(write)].join('\n')}\n`);
  return path;
}

interface Report {
  readonly tracks: { readonly driver: string; readonly points: number; readonly stored: number; readonly rejected: number }[];
  readonly complete: boolean;
}

async function replayed(path: string, prefix: string, ...more: string[]): Promise<Report> {
  const token = await server.token('service', 'replay');
  const args = ['replay', path, '--url', server.url, '--json', '--speed', 'max', '--driver-prefix', prefix, ...more];
  const { code, out, err } = await runCli(args, { WAYCAST_TOKEN: token });
  expect(code, err).toBe(0);
  return JSON.parse(out) as Report;
}

/** What the report says, and history against the file: count, order, coordinates. */
async function expectStored(report: Report, prefix: string): Promise<void> {
  expect(report.complete).toBe(true);
  expect(report.tracks.map(({ driver }) => driver)).toEqual(tracks.map(({ name }) => `${prefix}${name}`));
  for (const [i, { driver, points, stored, rejected }] of report.tracks.entries()) {
    const fixes = (tracks[i]?.fixes ?? []).map(({ lat, lng, at, receivedAt }) => ({ lat, lng, at, receivedAt }));
    expect({ points, stored, rejected }).toEqual({ points: fixes.length, stored: fixes.length, rejected: 0 });
    const expected = truth({ fixes, stops: [], kind: 'ride', maxPlausibleSpeedKmh: 300 });
    expect(compareTrack(expected, { history: await historyOf(rest, driver) }), driver).toEqual([]);
  }
}

const iso = (at: number): string => new Date(at).toISOString();

describe(`waycast replay of ${source} as a CSV file`, () => {
  it('as it was: history is the file [F1, F12]', async () => {
    const path = file('plain.csv', ({ name, fixes }) => fixes.map((f) => `${name},${iso(f.at)},${f.lat},${f.lng}`), 'track,time,lat,lng');
    await expectStored(await replayed(path, 'plain-'), 'plain-');
  });

  it('in another order and twice, with columns named by hand: history is the file all the same [F9, F12]', async () => {
    const path = file(
      'odd.csv',
      ({ name, fixes }) => fixes.map((f, i) => `${f.lng};${f.lat};${i};${name};${iso(f.at).replace('T', ' ').replace('.000Z', '+00')}`),
      'X;Y;fid;trajectory_id;t',
    );
    const columns = ['--columns', 'lat=Y,lng=X,time=t,track=trajectory_id'];
    await expectStored(await replayed(path, 'mixed-', ...columns, '--shuffle', '7', '--double'), 'mixed-');
  });
});
