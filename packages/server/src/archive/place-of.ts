import type { ArchivePlace } from './open-files.ts';

/** The settings that say where the archive is. */
export interface ArchiveSettings {
  readonly archiveUrl: string | undefined;
  readonly archiveEndpoint: string | undefined;
  readonly archiveRegion: string | undefined;
  readonly archiveAccessKey: string | undefined;
  readonly archiveSecretKey: string | undefined;
}

/** null: history past retention is deleted for good; undefined: all of it stays. */
export function placeOf(settings: ArchiveSettings): ArchivePlace | null | undefined {
  const {
    archiveUrl: url,
    archiveEndpoint: endpoint,
    archiveRegion: region,
    archiveAccessKey: accessKey,
    archiveSecretKey: secretKey,
  } = settings;
  if (url === undefined) return undefined;
  return url === 'none' ? null : { url, endpoint, region, accessKey, secretKey };
}
