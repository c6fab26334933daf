import { chownSync, cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FixReceipt, LocationList, TripView } from '../packages/protocol/src/index.ts';
import { CENTRE } from './support/places.ts';
import { caller } from './support/rest.ts';
import { type TestServer, tempDir } from './support/server.ts';
import { startProcess } from './support/server-process.ts';
import { smallDisk } from './support/small-disk.ts';
import { waycast } from './support/waycast.ts';

const ENV = { REST_RATE_LIMIT_PER_MINUTE: '1000000', LOCATION_UPDATE_RATE_LIMIT: '0', MAX_PLAUSIBLE_SPEED_KMH: '0' };
const PAST = Date.UTC(2026, 0, 5, 8);
const home = tempDir();
afterAll(() => rmSync(home, { recursive: true, force: true }));
let names = 0;
const fresh = (what: string) => join(home, `${what}-${++names}`);
const backUp = (dataDir: string, folder: string, ...more: string[]) => waycast(['backup', folder, '--data-dir', dataDir, ...more]);
const restore = (folder: string, dataDir: string, ...more: string[]) => waycast(['restore', folder, '--data-dir', dataDir, ...more]);

async function serve(dataDir: string): Promise<TestServer> {
  return await startProcess({ dataDir, env: ENV });
}

/** Fixes one after the other, each a second and a little north of the last; `stored`: how many the server said it has. */
class Sender {
  stored = 0;
  readonly id: string;
  #sending = true;
  readonly #done: Promise<void>;

  constructor(server: TestServer, token: string, id: string, from = 0) {
    this.id = id;
    this.stored = from;
    this.#done = this.#send(caller(server, token));
  }

  async #send(by: ReturnType<typeof caller>): Promise<void> {
    while (this.#sending) {
      const fixes = Array.from({ length: 10 }, (_, i) => fixOf(this.stored + i));
      const receipt = (await by.post(`/v1/drivers/${this.id}/locations`, { fixes })).as(FixReceipt);
      expect(receipt).toMatchObject({ stored: 10 });
      this.stored += 10;
    }
  }

  async stop(): Promise<void> {
    this.#sending = false;
    await this.#done;
  }
}

const fixOf = (n: number) => ({ lat: Number((CENTRE.lat + n * 1e-5).toFixed(7)), lng: CENTRE.lng, timestamp: PAST + n * 1_000 });

/** Which fixes of a driver the server has, by their number, in the order of history. */
async function numbersOf(server: TestServer, token: string, driver: string): Promise<number[]> {
  const by = caller(server, token);
  const found: number[] = [];
  for (let cursor: string | null = null; ; ) {
    const query = new URLSearchParams({ from: String(PAST), limit: '1000', ...(cursor !== null && { cursor }) });
    const page = (await by.get(`/v1/drivers/${driver}/locations?${query}`)).as(LocationList);
    found.push(...page.locations.map(({ timestamp }) => (Date.parse(timestamp) - PAST) / 1_000));
    if (page.cursor === null) return found;
    cursor = page.cursor;
  }
}

describe('a backup of a server under load', () => {
  it('has all that was stored when it began, once; restored, the server goes on from there [Z1 Z2]', async () => {
    const server = await serve(fresh('data'));
    const token = await server.token('service', 'load');
    const staff = caller(server, await server.token('admin'));
    const trip = (
      await staff.post('/v1/trips', { kind: 'ride', driverId: 'd0', stops: [{ type: 'dropoff', lat: CENTRE.lat + 0.9, lng: CENTRE.lng }] })
    ).as(TripView, 201);
    const senders = Array.from({ length: 8 }, (_, n) => new Sender(server, token, `d${n}`));
    await expect.poll(() => Math.min(...senders.map(({ stored }) => stored)), { timeout: 20_000 }).toBeGreaterThan(50);
    const stored = senders.map((one) => one.stored);
    const folder = fresh('backup');
    const { code, out, err } = await backUp(server.dataDir, folder, '--json');
    expect(err).toBe('');
    expect(code).toBe(0);
    await expect.poll(() => senders.every((one, n) => one.stored > (stored[n] ?? 0)), { timeout: 20_000 }).toBe(true);
    await Promise.all(senders.map((one) => one.stop()));
    await server.kill();

    const manifest = JSON.parse(out) as { at: string; files: Record<string, { bytes: number }> };
    expect(readdirSync(folder).sort()).toEqual(['backup.json', 'waycast.db']);
    for (const name of readdirSync(folder)) expect(statSync(join(folder, name)).mode & 0o777, name).toBe(0o600);
    expect(manifest.files['waycast.db']?.bytes).toBe(statSync(join(folder, 'waycast.db')).size);

    const dataDir = fresh('restored');
    expect(await restore(folder, dataDir)).toMatchObject({ code: 0, err: '', out: `${dataDir} is as it was at ${manifest.at}.\n` });
    const after = await serve(dataDir);
    for (const [n, one] of senders.entries()) {
      const has = await numbersOf(after, token, one.id);
      expect(has).toEqual(has.map((_, i) => i));
      expect(has.length).toBeGreaterThanOrEqual(stored[n] ?? 0);
      expect(has.length).toBeLessThanOrEqual(one.stored);
    }
    const seen = (await caller(after, await after.token('admin')).get(`/v1/trips/${trip.id}`)).as(TripView);
    expect(seen).toMatchObject({ id: trip.id, driverId: 'd0', status: trip.status });
    const has = await numbersOf(after, token, 'd0');
    const again = new Sender(after, token, 'd0', has.length);
    await expect.poll(() => again.stored, { timeout: 20_000 }).toBeGreaterThan(has.length + 20);
    await again.stop();
    expect(await numbersOf(after, token, 'd0')).toEqual(Array.from({ length: again.stored }, (_, n) => n));
    await after.stop();
  });
});

describe('a backup', () => {
  let dataDir: string;
  let folder: string;

  beforeAll(async () => {
    dataDir = fresh('data');
    const server = await startProcess({ dataDir, env: { ...ENV, JWT_SECRET_KEY: undefined } as unknown as Record<string, string> });
    await server.stop();
    folder = fresh('backup');
    expect(await backUp(dataDir, folder)).toMatchObject({ code: 0, err: '' });
  });

  /** A copy of the backup to do harm to. */
  function copy(): string {
    const copied = fresh('copy');
    cpSync(folder, copied, { recursive: true });
    return copied;
  }

  function change(copied: string, members: object): void {
    const manifest = JSON.parse(readFileSync(join(copied, 'backup.json'), 'utf8')) as object;
    writeFileSync(join(copied, 'backup.json'), JSON.stringify({ ...manifest, ...members }));
  }

  async function refused(given: string, ...words: RegExp[]): Promise<void> {
    const target = fresh('target');
    const { code, err } = await restore(given, target);
    expect(code, err).toBe(1);
    expect(err.trim().split('\n'), err).toHaveLength(1);
    for (const word of words) expect(err).toMatch(word);
    expect(existsSync(join(target, 'waycast.db'))).toBe(false);
  }

  it('has the secret, so that tokens stay good [Z1]', async () => {
    const target = fresh('target');
    expect(await restore(folder, target)).toMatchObject({ code: 0 });
    expect(readFileSync(join(target, 'secret'), 'utf8')).toBe(readFileSync(join(dataDir, 'secret'), 'utf8'));
    expect(statSync(join(target, 'secret')).mode & 0o777).toBe(0o600);
  });

  it.each([
    ['is not there', (copied: string) => rmSync(copied, { recursive: true }), /no finished backup/],
    ['did not get to its end', (copied: string) => rmSync(join(copied, 'backup.json')), /no finished backup/],
    ['cannot be read', (copied: string) => writeFileSync(join(copied, 'backup.json'), '{'), /backup\.json cannot be read/],
    [
      'says nothing',
      (copied: string) => writeFileSync(join(copied, 'backup.json'), 'null'),
      /of format undefined, made by another program/,
    ],
    ['is of another format', (copied: string) => change(copied, { format: 2, waycast: '9.1.0' }), /format 2, made by Waycast 9\.1\.0/],
    [
      'is of a newer schema',
      (copied: string) => change(copied, { schema: 999, waycast: '9.1.0' }),
      /Waycast 9\.1\.0, its database has version 999/,
    ],
    [
      'lists a file of somewhere else',
      (copied: string) => change(copied, { files: { 'waycast.db': { bytes: 1, sha256: '' }, '../x': {} } }),
      /lists "\.\.\/x", which is not of a backup/,
    ],
    ['lacks a file', (copied: string) => rmSync(join(copied, 'secret')), /damaged: secret is missing/],
    ['has another file', (copied: string) => writeFileSync(join(copied, 'secret'), 'x'), /damaged: secret is not what was backed up/],
    [
      'lost its end',
      (copied: string) => writeFileSync(join(copied, 'waycast.db'), readFileSync(join(copied, 'waycast.db')).subarray(0, -4_096)),
      /damaged: waycast\.db/,
    ],
  ])('that %s is refused by name, and nothing is touched [Z3]', async (_, harm, words) => {
    const copied = copy();
    harm(copied);
    await refused(copied, words);
  });

  it('with one byte changed anywhere is refused [Z3]', async () => {
    const copied = copy();
    const bytes = readFileSync(join(copied, 'waycast.db'));
    for (const at of [0, 100, Math.floor(bytes.length / 2), bytes.length - 1]) {
      const harmed = Buffer.from(bytes);
      harmed[at] = (harmed[at] ?? 0) ^ 1;
      writeFileSync(join(copied, 'waycast.db'), harmed);
      await refused(copied, /damaged: waycast\.db is not what was backed up/);
    }
  });

  it('is not put where a server runs, nor where a database is; that one is kept aside when it is asked for [Z2 Z3]', async () => {
    const target = fresh('target');
    const server = await serve(target);
    expect(await restore(folder, target, '--replace')).toMatchObject({ code: 1, err: expect.stringMatching(/is in use by process \d+/) });
    await server.stop();
    expect(await restore(folder, target)).toMatchObject({ code: 1, err: expect.stringMatching(/holds a database already.*--replace/) });
    const before = readFileSync(join(target, 'waycast.db'));
    const { code, out } = await restore(folder, target, '--replace');
    expect(code).toBe(0);
    const aside = /What was there is in (.*)\.\n/.exec(out)?.[1] ?? '';
    expect(readFileSync(join(aside, 'waycast.db')).equals(before)).toBe(true);
    expect(readFileSync(join(target, 'waycast.db')).equals(readFileSync(join(folder, 'waycast.db')))).toBe(true);
    await (await serve(target)).stop();
  });

  it.each([
    ['began', () => undefined],
    [
      'had the old one aside',
      (target: string, before: string) => {
        mkdirSync(before);
        renameSync(join(target, 'waycast.db'), join(before, 'waycast.db'));
      },
    ],
    [
      'had the new one in place',
      (target: string, before: string) => {
        mkdirSync(before);
        renameSync(join(target, 'waycast.db'), join(before, 'waycast.db'));
        writeFileSync(join(target, 'waycast.db'), readFileSync(join(folder, 'waycast.db')));
      },
    ],
  ])('whose restore ended when it %s keeps servers away, and is restored anew [Z2]', async (_, until) => {
    const target = fresh('target');
    await (await serve(target)).stop();
    const old = readFileSync(join(target, 'waycast.db'));
    writeFileSync(join(target, 'restoring.json'), JSON.stringify({ before: 'before-restore-x' }));
    until(target, join(target, 'before-restore-x'));
    expect(await waycast(['serve', '--port', '0', '--data-dir', target], { JWT_SECRET_KEY: 's'.repeat(40) })).toMatchObject({
      code: 1,
      err: expect.stringMatching(/holds a restore that did not get to its end: run it again/),
    });
    expect(await restore(folder, target)).toMatchObject({ code: 0 });
    expect(readFileSync(join(target, 'before-restore-x', 'waycast.db')).equals(old)).toBe(true);
    expect(readFileSync(join(target, 'waycast.db')).equals(readFileSync(join(folder, 'waycast.db')))).toBe(true);
    expect(readdirSync(target)).not.toContain('restoring.json');
    await (await serve(target)).stop();
  });

  it('is not made of nothing, over something, or of PostgreSQL [Z3]', async () => {
    expect(await backUp(fresh('nothing'), fresh('backup'))).toMatchObject({
      code: 1,
      err: expect.stringMatching(/holds no database to back up/),
    });
    expect(await backUp(dataDir, folder)).toMatchObject({ code: 1, err: expect.stringMatching(/is there already/) });
    const foreign = fresh('backup');
    mkdirSync(`${foreign}.partial`);
    writeFileSync(join(`${foreign}.partial`, 'thesis.txt'), '');
    expect(await backUp(dataDir, foreign)).toMatchObject({
      code: 1,
      err: expect.stringMatching(/holds thesis\.txt, which is not of a backup/),
    });
    expect(await waycast(['backup', fresh('backup')], { DATABASE_URL: 'postgresql://u:hidden@nowhere/db' })).toMatchObject({
      code: 1,
      err: expect.stringMatching(/everything is in PostgreSQL: back that up with pg_dump/),
    });
  });

  it('begins anew after one that did not get to its end [Z1]', async () => {
    const again = fresh('backup');
    mkdirSync(`${again}.partial`);
    writeFileSync(join(`${again}.partial`, 'waycast.db'), 'half');
    expect(await backUp(dataDir, again)).toMatchObject({ code: 0 });
    expect(await restore(again, fresh('target'))).toMatchObject({ code: 0 });
  });

  it('is made by one at a time [Z1]', async () => {
    const target = fresh('backup');
    mkdirSync(`${target}.partial`);
    const other = new DatabaseSync(`${target}.partial.lock`);
    other.exec('BEGIN EXCLUSIVE');
    expect(await backUp(dataDir, target)).toMatchObject({ code: 1, err: expect.stringMatching(/another backup is being made/) });
    other.close();
    expect(await backUp(dataDir, target)).toMatchObject({ code: 0 });
    expect(readdirSync(target).sort()).toEqual(['backup.json', 'secret', 'waycast.db']);
    expect(readdirSync(home).filter((name) => name.startsWith(basename(target)))).toEqual([basename(target)]);
  });

  it('in place belongs to whom the folder belongs, also when root put it there [Z2]', async () => {
    const target = fresh('target');
    mkdirSync(target, { mode: 0o700 });
    if (process.getuid?.() === 0) chownSync(target, 1_234, 1_235);
    const { uid, gid } = statSync(target);
    expect(await restore(folder, target)).toMatchObject({ code: 0 });
    for (const name of readdirSync(target)) expect(statSync(join(target, name)), name).toMatchObject({ uid, gid });
  });

  it('needs room, and says how much [Z3]', async () => {
    const disk = smallDisk();
    try {
      expect(await backUp(dataDir, join(disk.path, 'backup'))).toMatchObject({
        code: 1,
        err: expect.stringMatching(/\d+ MB are needed and .* has \d+ MB free/),
      });
      expect(readdirSync(disk.path)).not.toContain('backup');
    } finally {
      disk.remove();
    }
  });

  it('of a damaged database is none [Z3]', async () => {
    const harmed = fresh('data');
    cpSync(folder, harmed, { recursive: true });
    const bytes = readFileSync(join(harmed, 'waycast.db'));
    writeFileSync(join(harmed, 'waycast.db'), bytes.fill(0xff, 3 * 4_096, 6 * 4_096));
    const target = fresh('backup');
    const { code, err } = await backUp(harmed, target);
    expect(code, err).toBe(1);
    expect(err).toMatch(/data.*waycast\.db is damaged .* go back to the last good backup/);
    expect([existsSync(target), existsSync(`${target}.partial`)]).toEqual([false, false]);
    writeFileSync(join(harmed, 'waycast.db'), bytes.fill(0xff, 4_096));
    const all = await backUp(harmed, target);
    expect([all.code, all.err]).toEqual([1, expect.stringMatching(/data.*waycast\.db is damaged \(database disk image is malformed\)/)]);
    expect(existsSync(`${target}.partial`)).toBe(false);
  });
});
