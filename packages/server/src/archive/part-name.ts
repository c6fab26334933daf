import { DAY_MS } from './ports.ts';

/** What the name of a part says of it, so that a list of names is the catalogue. */
export interface PartFacts {
  /** The UTC day of receipt, counted since 1970. */
  readonly day: number;
  /** The earliest and the latest capture in it, epoch ms. */
  readonly from: number;
  readonly to: number;
  readonly rows: number;
  /** Of its footer, which has checksums of all else; hex. The same rows have the same name. */
  readonly digest: string;
}

/** A part in the archive. */
export interface Part extends PartFacts {
  readonly name: string;
  readonly bytes: number;
}

const NAME = /^history\/(\d{4}-\d{2}-\d{2})\/(-?\d{1,16})_(-?\d{1,16})_(\d{1,10})_([0-9a-f]{12})\.parquet$/;

/** `history/2026-10-21/FROM_TO_ROWS_DIGEST.parquet` */
export function nameOf({ day, from, to, rows, digest }: PartFacts): string {
  return `history/${dayText(day)}/${from}_${to}_${rows}_${digest}.parquet`;
}

/** undefined for what is not a part. */
export function partOf(name: string, bytes: number): Part | undefined {
  const match = NAME.exec(name);
  if (match === null) return undefined;
  const [, date = '', from, to, rows, digest = ''] = match;
  const day = Date.parse(`${date}T00:00:00Z`) / DAY_MS;
  return Number.isNaN(day) ? undefined : { name, bytes, day, from: Number(from), to: Number(to), rows: Number(rows), digest };
}

/** `2026-10-21` */
export function dayText(day: number): string {
  return new Date(day * DAY_MS).toISOString().slice(0, 10);
}
