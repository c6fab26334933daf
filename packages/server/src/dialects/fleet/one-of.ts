import { WaycastError } from '@waycast/protocol';

/**
 * One value that may come under two names.
 * @throws WaycastError `bad_request` when both are there and differ
 */
export function oneOf<T>(name: string, value: T | undefined, alias: string, other: T | undefined): T | undefined {
  if (value !== undefined && other !== undefined && value !== other)
    throw new WaycastError('bad_request', `${name} and ${alias} are the same thing and differ`, { field: `/${alias}` });
  return value ?? other;
}
