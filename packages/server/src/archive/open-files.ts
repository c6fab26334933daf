import { fileURLToPath } from 'node:url';
import { FolderArchive } from '../adapters/archive-folder.ts';
import type { ArchiveFiles } from './ports.ts';

/** Where the archive is and how to get in. */
export interface ArchivePlace {
  /** `file:///folder` or `s3://bucket/prefix` */
  readonly url: string;
  readonly endpoint: string | undefined;
  readonly region: string | undefined;
  readonly accessKey: string | undefined;
  readonly secretKey: string | undefined;
}

/** Nothing is asked of the place yet. */
export async function openFiles({ url, ...access }: ArchivePlace): Promise<ArchiveFiles> {
  const { protocol, hostname, pathname } = new URL(url);
  if (protocol === 'file:') return new FolderArchive(fileURLToPath(url));
  // 20 MB of client that most installations never need in memory.
  const { BucketArchive } = await import('../adapters/archive-bucket.ts');
  return new BucketArchive({ bucket: hostname, prefix: pathname.replace(/^\/+|\/+$/g, ''), ...access });
}
