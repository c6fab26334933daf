import type { ClientBase } from 'pg';
import { StartupError } from '../../startup-error.ts';

/** The table in which a move notes how far it is; it is there from its beginning to its end [M3]. */
export const HALF_MOVED = 'half_moved';

/** Asks whether an embedded database is being moved into this one, or was until something came in between. */
export const IS_HALF_MOVED = `SELECT to_regclass('${HALF_MOVED}') IS NOT NULL AS there`;

export async function isHalfMoved(client: ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ there: boolean }>(IS_HALF_MOVED);
  return rows[0]?.there === true;
}

/** @param name of the database, for people */
export function sayHalfMoved(name: string): { readonly what: string; readonly remedy: string } {
  return {
    what: `PostgreSQL at ${name} is half moved to from an embedded database`,
    remedy: 'run waycast move-data again, it goes on where it stopped',
  };
}

/** Why a server does not start on it: it would serve half of everything [M3]. */
export function halfMoved(name: string): StartupError {
  const { what, remedy } = sayHalfMoved(name);
  return new StartupError(`${what}: ${remedy}`);
}
