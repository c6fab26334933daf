import { existsSync, readFileSync } from 'node:fs';
import { StartupError } from './startup-error.ts';

/** One setting as the table of config.ts has it. */
export interface Key<T> {
  readonly name: string;
  readonly aliases?: readonly string[];
  readonly fallback: T;
  readonly help: string;
  /** @throws Error saying what would be right */
  readonly parse: (text: string) => T;
}

/** Variables of the commands that call a server; settings of none. */
const CALLERS = new Set(['WAYCAST_URL', 'WAYCAST_TOKEN']);

/** Variables Kubernetes puts into every container for services named waycast: not ours, and no mistake. */
const INJECTED = /^WAYCAST_(SERVICE_HOST|SERVICE_PORT(_.*)?|PORT|PORT_\d+_.*)$/;

export interface ConfigSources {
  readonly file?: string | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** By setting name, `PORT` say. */
  readonly flags: Readonly<Record<string, string | undefined>>;
}

/** One setting, and who set it. */
export interface Setting {
  readonly name: string;
  /** As it was written; null where nobody did, and the default counts. */
  readonly text: string | null;
  readonly fallback: unknown;
  /** `default`, `file PATH`, `environment VARIABLE` or `flag --NAME` */
  readonly source: string;
  /** Whether it can be made anything of; the default counts instead. */
  readonly isUsable: boolean;
}

export interface Settings {
  /** By their fields in the table. */
  readonly values: Record<string, unknown>;
  readonly settings: readonly Setting[];
  readonly problems: readonly StartupError[];
}

interface Given {
  readonly value: string;
  /** What an error line calls it. */
  readonly from: string;
  readonly source: string;
}

/** Reads all there is to read; what is unknown or unusable is told among the problems and left out. */
export function readSettings(
  keys: Readonly<Record<string, Key<unknown>>>,
  sources: ConfigSources,
  flagOf: (name: string) => string,
): Settings {
  const problems: StartupError[] = [];
  const names = new Map<string, string>();
  for (const { name, aliases } of Object.values(keys)) for (const one of [name, ...(aliases ?? [])]) names.set(one, name);
  const given = new Map<string, Given>();
  takeFile(sources.file, names, given, problems);
  takeEnvironment(keys, sources.env, names, given, problems);
  for (const [name, value] of Object.entries(sources.flags))
    if (value !== undefined) given.set(name, { value, from: flagOf(name), source: `flag ${flagOf(name)}` });
  return { ...parseAll(keys, given, problems), problems };
}

function takeFile(file: string | undefined, names: ReadonlyMap<string, string>, given: Map<string, Given>, problems: StartupError[]): void {
  if (file === undefined) return;
  for (const [name, value] of attempt(() => Object.entries(readFile(file)), problems) ?? []) {
    const known = names.get(name);
    if (known === undefined) {
      problems.push(new StartupError(`${file}: unknown setting ${name}${guess(name, names)}`));
      continue;
    }
    const text = attempt(() => fileValue(file, name, value), problems);
    const source = name === known ? `file ${file}` : `file ${file}, as ${name}`;
    if (text !== undefined) given.set(known, { value: text, from: `${name} in ${file}`, source });
  }
}

function takeEnvironment(
  keys: Readonly<Record<string, Key<unknown>>>,
  env: ConfigSources['env'],
  names: ReadonlyMap<string, string>,
  given: Map<string, Given>,
  problems: StartupError[],
): void {
  for (const variable of Object.keys(env)) {
    if (!variable.startsWith('WAYCAST_') || CALLERS.has(variable) || isInjected(variable, env[variable])) continue;
    const name = variable.slice('WAYCAST_'.length);
    if (!names.has(name)) problems.push(new StartupError(`unknown environment variable ${variable}${guess(name, names)}`));
  }
  for (const { name, aliases = [] } of Object.values(keys)) {
    // The prefixed form is the more deliberate one: PORT may be somebody else's. A name of our own goes before an alias.
    const variables = [`WAYCAST_${name}`, ...aliases.map((alias) => `WAYCAST_${alias}`), name, ...aliases];
    const variable = variables.find((one) => env[one] !== undefined && !isInjected(one, env[one]));
    if (variable !== undefined) given.set(name, { value: env[variable] as string, from: variable, source: `environment ${variable}` });
  }
}

function parseAll(
  keys: Readonly<Record<string, Key<unknown>>>,
  given: ReadonlyMap<string, Given>,
  problems: StartupError[],
): Pick<Settings, 'values' | 'settings'> {
  const values: Record<string, unknown> = {};
  const settings: Setting[] = [];
  for (const [field, { name, fallback, parse }] of Object.entries(keys)) {
    const found = given.get(name);
    values[field] = fallback;
    let isUsable = true;
    try {
      if (found !== undefined) values[field] = parse(found.value);
    } catch (error) {
      isUsable = false;
      const told = quoted(name, found?.value);
      problems.push(new StartupError(`${found?.from}: ${told} will not do; it takes ${(error as Error).message}`));
    }
    settings.push({ name, fallback, text: found?.value ?? null, source: found?.source ?? 'default', isUsable });
  }
  return { values, settings };
}

/** A value as an error line may show it: one that may hold a password it does not. */
function quoted(name: string, value: unknown): string {
  const text = JSON.stringify(value) ?? '';
  const isSecret = /SECRET|PASSWORD/.test(name) || text.includes('@') || (name.endsWith('URL') && text.includes('?'));
  return isSecret ? 'the value' : text;
}

/** What it answers, undefined when it throws: then the reason is among the problems. */
function attempt<T>(read: () => T, problems: StartupError[]): T | undefined {
  try {
    return read();
  } catch (error) {
    if (!(error instanceof StartupError)) throw error;
    problems.push(error);
    return undefined;
  }
}

function isInjected(variable: string, value: string | undefined): boolean {
  if (!INJECTED.test(variable)) return false;
  return variable !== 'WAYCAST_PORT' || (value ?? '').includes('://');
}

function readFile(path: string): Record<string, unknown> {
  if (!existsSync(path)) throw new StartupError(`the configuration file ${path} is not there`);
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    // Only where: the message of the parser quotes what stands there, and that may be a secret.
    const place = /line \d+ column \d+/.exec((cause as Error).message)?.[0];
    throw new StartupError(`the configuration file ${path} is not JSON${place === undefined ? '' : `: look at ${place}`}`);
  }
  if (parsed === null || typeof parsed !== 'object' || Array.isArray(parsed))
    throw new StartupError(`the configuration file ${path} must hold one object of settings`);
  return parsed as Record<string, unknown>;
}

function fileValue(path: string, name: string, value: unknown): string {
  const values = Array.isArray(value) ? value : [value];
  if (!values.every((one) => ['string', 'number', 'boolean'].includes(typeof one))) {
    throw new StartupError(
      `${name} in ${path}: ${quoted(name, value)} will not do; it takes a text, a number, true or false, or a list of them`,
    );
  }
  return values.join(',');
}

/** The setting that was probably meant. */
function guess(name: string, names: ReadonlyMap<string, string>): string {
  const near = [...names.keys()].find((known) => known.startsWith(name.slice(0, 4)) || distance(known, name) <= 2);
  return near === undefined ? '' : ` (did you mean ${near}?)`;
}

/** How many letters to change, add or leave out. */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
