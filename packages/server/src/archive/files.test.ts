import { once } from 'node:events';
import { existsSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { startBucket, type TestBucket } from '../../../../test/support/services/bucket.ts';
import { BucketArchive } from '../adapters/archive-bucket.ts';
import { type ArchivePlace, openFiles } from './open-files.ts';
import { ArchiveFileGone, type ArchiveFiles, ArchiveTrouble } from './ports.ts';

const folder = mkdtempSync(join(tmpdir(), 'waycast-archive-'));
const HERE: ArchivePlace = {
  url: pathToFileURL(join(folder, 'a place')).href,
  endpoint: undefined,
  region: undefined,
  accessKey: undefined,
  secretKey: undefined,
};
let bucket: TestBucket;

beforeAll(async () => {
  bucket = await startBucket();
  mkdirSync(join(folder, 'a place'));
});
afterAll(async () => {
  await bucket.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe.each([
  ['a folder', () => HERE],
  ['a bucket', () => bucket.place],
])('%s as an archive', (_, place) => {
  const bytes = Uint8Array.from({ length: 3_000 }, (__, n) => n);
  let files: ArchiveFiles;
  beforeAll(async () => {
    files = await openFiles(place());
  });
  afterAll(() => files.close());

  it('has what was written, whole and in parts, and knows its size', async () => {
    expect(await files.list()).toEqual([]);
    await files.write('history/2026-01-02/a.parquet', bytes);
    await files.write('history/2026-01-03/b.parquet', bytes.subarray(5, 7));
    const list = [...(await files.list())].sort((a, b) => (a.name < b.name ? -1 : 1));
    expect(list).toEqual([
      { name: 'history/2026-01-02/a.parquet', bytes: 3_000 },
      { name: 'history/2026-01-03/b.parquet', bytes: 2 },
    ]);
    expect(await files.read('history/2026-01-02/a.parquet', 0, 3_000)).toEqual(bytes);
    expect(await files.read('history/2026-01-02/a.parquet', 1_000, 1_003)).toEqual(bytes.subarray(1_000, 1_003));
    expect(await files.read('history/2026-01-03/b.parquet', 0, 2)).toEqual(bytes.subarray(5, 7));
  });

  it('has what was written last under a name', async () => {
    await files.write('history/2026-01-04/c.parquet', bytes);
    await files.write('history/2026-01-04/c.parquet', bytes.subarray(0, 10));
    expect(await files.read('history/2026-01-04/c.parquet', 0, 10)).toEqual(bytes.subarray(0, 10));
  });

  it('has not what was removed, and says that it is gone; removing it again is no fault', async () => {
    await files.write('history/2026-01-05/d.parquet', bytes);
    await files.remove('history/2026-01-05/d.parquet');
    await files.remove('history/2026-01-05/d.parquet');
    await expect(files.read('history/2026-01-05/d.parquet', 0, 10)).rejects.toThrow(ArchiveFileGone);
    expect((await files.list()).some(({ name }) => name.includes('d.parquet'))).toBe(false);
  });

  it('lists more than one page of names', async () => {
    const names = Array.from({ length: 25 }, (__, n) => `history/2020-01-01/${n}.parquet`);
    for (const name of names) await files.write(name, bytes.subarray(0, 1));
    const listed = new Set((await files.list()).map(({ name }) => name));
    for (const name of names) expect(listed).toContain(name);
  });
});

it('what else lies in the folder is let alone: a disk has a folder of its own that only root may read [I3]', async () => {
  const place = mkdtempSync(join(tmpdir(), 'waycast-archive-'));
  onTestFinished(() => rmSync(place, { recursive: true, force: true }));
  mkdirSync(join(place, 'others', 'history'), { recursive: true });
  const partial = join(place, 'others', 'old.parquet.0123.partial');
  writeFileSync(partial, 'half');
  utimesSync(partial, 1_000, 1_000);
  const files = await openFiles({ ...HERE, url: pathToFileURL(place).href });
  expect(await files.list()).toEqual([]);
  await files.write('history/2026-01-02/a.parquet', Uint8Array.of(1, 2));
  expect(await files.list()).toEqual([{ name: 'history/2026-01-02/a.parquet', bytes: 2 }]);
  await files.tidy();
  expect(existsSync(partial)).toBe(true);
});

it('a folder that is not there is no empty archive, and is not made', async () => {
  const files = await openFiles({ ...HERE, url: pathToFileURL(join(folder, 'not mounted')).href });
  await expect(files.list()).rejects.toThrow(/not mounted.*ENOENT/);
  await expect(files.write('history/x', new Uint8Array(1))).rejects.toThrow(ArchiveTrouble);
});

it('a file that a writer left half done is none, and goes when it is old enough', async () => {
  const files = await openFiles(HERE);
  const day = join(folder, 'a place', 'history', '2026-01-02');
  mkdirSync(day, { recursive: true });
  const [old, fresh] = ['old', 'fresh'].map((name) => join(day, `${name}.parquet.0123.partial`)) as [string, string];
  for (const path of [old, fresh]) writeFileSync(path, 'half');
  utimesSync(old, 1_000, 1_000);
  expect((await files.list()).some(({ name }) => name.includes('partial'))).toBe(false);
  await files.tidy();
  expect([existsSync(old), existsSync(fresh)]).toEqual([false, true]);
});

it('a bucket that takes a call and says nothing, or not all of it, is given up', async () => {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    // Of the second kind the answer begins, and never ends.
    socket.once('data', (asked) => {
      if (String(asked).startsWith('GET /history/fleet/one/half'))
        socket.write('HTTP/1.1 206 Partial Content\r\nContent-Length: 10\r\n\r\nabc');
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const endpoint = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const options = { ...bucket.place, bucket: 'history', prefix: 'fleet/one', endpoint, answerMs: 300 };
  const files = new BucketArchive(options);
  await expect(files.list()).rejects.toThrow(/bucket history cannot be used \(no answer within 0.3 s\)/);
  await expect(files.read('half', 0, 10)).rejects.toThrow(ArchiveTrouble);
  files.close();
  server.close();
});

it('a bucket that is not to be had says why: wrong secret, no such bucket, nobody there', async () => {
  const wrong = await openFiles({ ...bucket.place, secretKey: 'not the secret' });
  await expect(wrong.list()).rejects.toThrow(/bucket history cannot be used \(SignatureDoesNotMatch, 403/);
  const none = await openFiles({ ...bucket.place, url: 's3://nowhere/x' });
  await expect(none.list()).rejects.toThrow(/bucket nowhere cannot be used \(NoSuchBucket, 404/);
  const nobody = await openFiles({ ...bucket.place, endpoint: 'http://127.0.0.1:1' });
  await expect(nobody.list()).rejects.toThrow(/cannot be used \(.*ECONNREFUSED/);
});
