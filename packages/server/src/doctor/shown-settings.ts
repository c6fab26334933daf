import type { Setting } from '../config.ts';

/** A setting as it may be shown to anybody. */
export interface ShownSetting {
  readonly name: string;
  readonly value: string;
  readonly source: string;
}

const NOT_SHOWN = 'set, not shown';
/** Settings that may hold several addresses, with commas between. */
const LISTS: ReadonlySet<string> = new Set(['REDIS_URL', 'CORS_ORIGINS']);
/** Parts of a query that say how to connect, and never with what secret. */
const HARMLESS = new Set(['sslmode', 'application_name', 'connect_timeout', 'target_session_attrs']);

/** Each with its value and where that came from; secrets, and passwords in addresses, are never shown [C2]. */
export function shownSettings(settings: readonly Setting[]): ShownSetting[] {
  return settings.map((setting) => ({ name: setting.name, value: shownValue(setting), source: setting.source }));
}

function shownValue({ name, text, fallback, isUsable }: Setting): string {
  if (/SECRET|PASSWORD/.test(name)) return text === null ? 'not set' : 'set';
  const value = text ?? (fallback === undefined ? '' : String(fallback));
  if (value === '') return 'not set';
  const shown = isAddress(name, value) ? shownAddresses(value, LISTS.has(name)) : value;
  return isUsable ? shown : `${shown} (cannot be used)`;
}

function isAddress(name: string, value: string): boolean {
  return name.endsWith('_URL') || value.includes('//') || value.includes('@');
}

function shownAddresses(text: string, isList: boolean): string {
  const shown = (isList ? text.split(',') : [text]).map((part) => shownAddress(part.trim()));
  return shown.includes(null) ? NOT_SHOWN : shown.join(',');
}

/** Null for what cannot be taken apart for sure: a password with a sign of its own in it may begin anywhere. */
function shownAddress(text: string): string | null {
  if (/^[a-z0-9.-]+:\d+$/i.test(text)) return text;
  const url = URL.parse(text);
  if (url === null || !text.includes('://')) return null;
  if (`${url.pathname}${url.search}${url.hash}`.includes('@')) return null;
  // Of others a name alone may be what signs in.
  const user = url.protocol.startsWith('postgres') && url.username !== '' ? `${url.username}@` : '';
  const isHarmless = [...url.searchParams.keys()].every((name) => HARMLESS.has(name));
  const query = isHarmless ? url.search : '?***';
  return `${url.protocol}//${user}${url.host}${url.pathname === '/' && query === '' ? '' : url.pathname}${query}`;
}

/** Whether it is certain where the passwords of a setting's addresses end. */
export function isReadable(name: string, address: string): boolean {
  return shownAddresses(address, LISTS.has(name)) !== NOT_SHOWN;
}
