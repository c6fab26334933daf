/**
 * What the text of a setting may be. Each answers what it stands for, or throws an Error that says what would be right.
 */

export const text = (value: string): string => value;

export function number(least: number, most: number): (value: string) => number {
  return (value) => {
    const parsed = Number(value);
    if (value.trim() === '' || !Number.isFinite(parsed) || parsed < least || parsed > most)
      throw new Error(`a number from ${least} to ${most}`);
    return parsed;
  };
}

export function whole(least: number, most: number): (value: string) => number {
  return (value) => {
    const parsed = number(least, most)(value);
    if (!Number.isInteger(parsed)) throw new Error(`a whole number from ${least} to ${most}`);
    return parsed;
  };
}

export function url(value: string): string | undefined {
  if (value === '') return undefined;
  if (!/^https?:$/.test(URL.canParse(value) ? new URL(value).protocol : ''))
    throw new Error('an address that starts with http:// or https://');
  return value;
}

/** As `url`; what asks by itself cannot say a user's name, and a log line may name the address. */
export function urlWithoutUser(value: string): string | undefined {
  const parsed = url(value);
  if (parsed !== undefined && (new URL(parsed).username !== '' || new URL(parsed).password !== ''))
    throw new Error('an address without a user and a password');
  return parsed;
}

/** Paths are put after it. */
export function serviceUrl(value: string): string | undefined {
  const parsed = urlWithoutUser(value);
  if (parsed !== undefined && /[?#]/.test(parsed)) throw new Error('an address without a query');
  return parsed?.replace(/\/+$/, '');
}

/** As Python programs write it as well: `postgresql+asyncpg://`. */
export function databaseUrl(value: string): string | undefined {
  if (value === '') return undefined;
  if (!/^postgres(ql)?(\+[a-z0-9]+)?:\/\//.test(value)) throw new Error('an address like postgresql://user:password@host:5432/database');
  return value;
}

/** Where history goes that is not to stay: a folder, a bucket, or nowhere. */
export function archiveUrl(value: string): string | undefined {
  if (value === '') return undefined;
  if (value.toLowerCase() === 'none') return 'none';
  const { protocol, hostname, pathname, search, hash, username, password } = URL.canParse(value) ? new URL(value) : new URL('x:');
  const isPlain = search === '' && hash === '' && username === '' && password === '';
  if (isPlain && protocol === 'file:' && hostname === '' && pathname.length > 1) return value;
  if (isPlain && protocol === 's3:' && hostname !== '') return value;
  throw new Error('file:///folder, s3://bucket/prefix, or none');
}

/** One address, or those of several nodes of a cluster, separated by commas. */
export function redisUrl(value: string): string | undefined {
  if (value === '') return undefined;
  const fits = value.split(',').every((one) => /^rediss?:\/\//.test(one.trim()) || /^[^\s:/]+:\d+$/.test(one.trim()));
  if (!fits) throw new Error('an address like redis://host:6379, or several, separated by commas');
  return value;
}

export function ports(value: string): number[] {
  const parsed = value.split(',').map((one) => number(0, 65_535)(one.trim()));
  if (parsed.some((port) => !Number.isInteger(port))) throw new Error('whole numbers, separated by commas');
  return parsed;
}

export function flag(value: string): boolean {
  if (/^(true|1|yes|on)$/i.test(value)) return true;
  if (/^(false|0|no|off)$/i.test(value)) return false;
  throw new Error('true or false');
}

export function oneOf<T extends string>(...choices: readonly T[]): (value: string) => T {
  return (value) => {
    const found = choices.find((choice) => choice.toLowerCase() === value.toLowerCase());
    if (found === undefined) throw new Error(`one of ${choices.join(', ')}`);
    return found;
  };
}

/** The contracts of the services before this one. */
export const DIALECT_NAMES = ['rideshare', 'delivery', 'fleet', 'hybrid'] as const;
export type Dialect = (typeof DIALECT_NAMES)[number];

export function dialects(value: string): Dialect[] {
  const one = oneOf(...DIALECT_NAMES);
  if (/^none$/i.test(value.trim())) return [];
  if (/^all$/i.test(value.trim())) return [...DIALECT_NAMES];
  try {
    return [...new Set(value.split(',').map((name) => one(name.trim())))];
  } catch {
    throw new Error(`all, none, or some of ${DIALECT_NAMES.join(', ')}, separated by commas`);
  }
}

export const ALGORITHMS = ['HS256', 'RS256', 'ES256'] as const;

export function algorithms(value: string): (typeof ALGORITHMS)[number][] {
  try {
    return [...new Set(value.split(',').map((one) => oneOf(...ALGORITHMS)(one.trim())))];
  } catch {
    throw new Error(`some of ${ALGORITHMS.join(', ')}, separated by commas`);
  }
}

/** Texts separated by commas; none at all is undefined. */
export function someOf(value: string): string[] | undefined {
  const parsed = value
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');
  return parsed.length === 0 ? undefined : parsed;
}

export function secrets(value: string): string[] {
  const parsed = value.split(',').map((one) => one.trim());
  if (parsed.some((secret) => secret.length < 16))
    throw new Error('secrets of at least 16 characters, separated by commas; the first signs');
  return parsed;
}

export function origins(value: string): string[] {
  const parsed = value
    .split(',')
    .map((one) => one.trim())
    .filter((one) => one !== '');
  const isOrigin = (one: string): boolean => one === '*' || (URL.canParse(one) && new URL(one).origin === one);
  if (!parsed.every(isOrigin)) throw new Error("origins such as https://maps.example, separated by commas, or '*'");
  return parsed;
}
