import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import type { ArchivePlace } from '../../../packages/server/src/archive/open-files.ts';
import { stablePort } from '../port.ts';

const SERVER = fileURLToPath(new URL('./bucket.py', import.meta.url));
/** Where Debian's own packages are, whatever else is first on the path. */
const PYTHON = '/usr/bin/python3';
const BUCKET = 'history';
const READY_MS = 30_000;

/** A store of its own that speaks S3 and checks signatures, with one bucket. */
export interface TestBucket {
  readonly place: ArchivePlace;
  /** What a server is told of it. */
  readonly env: Readonly<Record<string, string>>;
  /** At once, and for good: it has everything in memory. Twice is safe. */
  stop(): Promise<void>;
}

export async function startBucket(): Promise<TestBucket> {
  const folder = mkdtempSync(join(tmpdir(), 'waycast-bucket-'));
  const port = await stablePort();
  const child = spawn(PYTHON, ['-W', 'ignore', SERVER, folder, String(port)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const ready = new Promise<void>((resolve, reject) => {
    child.stdout.once('data', () => resolve());
    child.once('exit', (code) => reject(new Error(`the bucket ended at once, ${code}`)));
    setTimeout(() => reject(new Error('the bucket was not ready in time')), READY_MS).unref();
  });
  await ready;
  const endpoint = `http://127.0.0.1:${port}`;
  const place = { url: `s3://${BUCKET}/fleet/one`, endpoint, region: 'us-east-1', accessKey: 'test:tester', secretKey: 'testing' };
  const client = new S3Client({
    endpoint,
    region: place.region,
    forcePathStyle: true,
    credentials: { accessKeyId: place.accessKey, secretAccessKey: place.secretKey },
  });
  await client.send(new CreateBucketCommand({ Bucket: BUCKET }));
  client.destroy();
  return {
    place,
    env: {
      ARCHIVE_URL: place.url,
      ARCHIVE_ENDPOINT: endpoint,
      ARCHIVE_REGION: place.region,
      ARCHIVE_ACCESS_KEY: place.accessKey,
      ARCHIVE_SECRET_KEY: place.secretKey,
    },
    stop: async () => {
      if (child.exitCode === null && child.signalCode === null) {
        child.kill('SIGKILL');
        await once(child, 'exit');
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
