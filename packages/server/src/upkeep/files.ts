import { closeSync, existsSync, fsyncSync, openSync, renameSync, statfsSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { StartupError } from '../startup-error.ts';

/** Left free beside what is copied, bytes. */
const SPARE = 64 * 1024 * 1024;

/** What was written survives a power cut. */
export function sync(path: string): void {
  const file = openSync(path, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Gives a finished file or folder its name, for good. */
export function moveForGood(from: string, to: string): void {
  sync(from);
  renameSync(from, to);
  sync(dirname(to));
}

/** Bytes; 0 for a file that is not there. */
export function sizeOf(path: string): number {
  return existsSync(path) ? statSync(path).size : 0;
}

/** @throws StartupError when the disk of a folder has no room for so many bytes */
export function mustHaveRoom(folder: string, bytes: number): void {
  const { bavail, bsize } = statfsSync(folder);
  if (bavail * bsize < bytes + SPARE)
    throw new StartupError(
      `${megabytes(bytes + SPARE)} are needed and ${folder} has ${megabytes(bavail * bsize)} free: make room, or name another disk`,
    );
}

function megabytes(bytes: number): string {
  return `${Math.ceil(bytes / 1024 / 1024)} MB`;
}
