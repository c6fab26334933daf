import { WaycastError } from '@waycast/protocol';

/** What PostgreSQL says of an error; the rest of the driver's errors are of the network and have no such code. */
function codeOf(error: unknown): string | null {
  const { code } = error as { code?: unknown };
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : null;
}

/**
 * Whether something is so wrong with what was to be stored that no waiting helps: it does not fit its type, its rules
 * or any size. Everything else is of the server, the network or its operator, and passes.
 */
export function isOfData(error: unknown): boolean {
  const code = codeOf(error);
  if (code !== null) return /^(21|22|23|54)/.test(code);
  return error instanceof TypeError || error instanceof RangeError || error instanceof SyntaxError;
}

/** Whether to try again at once on the same connection: another transaction was in the way. */
export function isCollision(error: unknown): boolean {
  return codeOf(error)?.startsWith('40') === true;
}

/** A day's partition of history went away, or never was. */
export function isDayMissing(error: unknown): boolean {
  return codeOf(error) === '23514' && (error as Error).message.startsWith('no partition of relation');
}

/** What an operator should know and do, in one line. */
export function remedyOf(error: unknown, name: string): string {
  const code = codeOf(error);
  const said = ((error as Error).message || String((error as { code?: unknown }).code ?? error)).replaceAll(/\s+/g, ' ');
  const say = (what: string, remedy: string): string => `PostgreSQL at ${name} ${what} (${said}): ${remedy}`;
  if (code === null) return say('does not answer', 'start it, or mend the way to it');
  if (code === '53100') return say('has no space left', 'make room on its disk');
  if (code === '53300') return say('takes no more connections', 'raise max_connections, or lower the size of the pools');
  if (code === '57P03') return say('is not ready', 'it starts, stops or recovers: wait, or see its log');
  if (code === '25006') return say('is read-only', 'make it the primary, or point DATABASE_URL at the primary');
  if (code.startsWith('28')) return say('refuses the login', 'check user and password in DATABASE_URL and pg_hba.conf');
  if (code === '3D000') return say('lacks the database', 'create it, or name another in DATABASE_URL');
  if (code === '42501') return say('refuses the right', 'give the user its tables back');
  if (code.startsWith('57')) return say('was stopped', 'start it');
  if (code.startsWith('08')) return say('cut the connection', 'start it, or mend the way to it');
  return say('cannot do it now', 'see its log');
}

/** For who asked for something while PostgreSQL is not there: come again. What is wrong with the question stays as it is. */
export function asUnavailable(error: unknown): unknown {
  if (error instanceof WaycastError || isOfData(error)) return error;
  const code = codeOf(error);
  if (code !== null && !/^(08|25006|28|3D|53|55|57|58|40|XX)/.test(code)) return error;
  return new WaycastError('storage_unavailable', 'the store does not answer; repeat later', { retryAfter: 2 });
}
