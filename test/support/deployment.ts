import { execFile } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { expect } from 'vitest';
import { parse } from 'yaml';
import { type Config, KEYS, readConfig } from '../../packages/server/src/config.ts';

export const ROOT = resolve(import.meta.dirname, '..', '..');
/** What is started, from the root. */
export const CLI = 'packages/server/dist/cli.js';
/** The names of all settings in the environment. */
export const SETTINGS: ReadonlySet<string> = new Set(Object.values(KEYS).map(({ name }) => name));

/** The settings of these variables, all of which have to be settings. */
export function settingsIn(env: Readonly<Record<string, string>>, others: readonly string[] = []): Config {
  const names = Object.keys(env).filter((name) => !others.includes(name));
  expect(names.filter((name) => !SETTINGS.has(name))).toEqual([]);
  return readConfig({ env, flags: {} });
}

/** The text of a file of the project, by its path from the root. */
export function textOf(path: string): string {
  return readFileSync(join(ROOT, path), 'utf8');
}

export function yamlOf<T>(path: string): T {
  // Compose merges by `<<`, as YAML 1.1 did.
  return parse(textOf(path), { merge: true }) as T;
}

/** The lines `NAME=value` of a text, as systemd and compose read them. */
export function variablesOf(text: string): Record<string, string> {
  const lines = text.split('\n').filter((line) => /^\w+=/.test(line));
  return Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]));
}

/** The same with every text in it filled in. */
export function allFilledIn<T>(value: T, env: Readonly<Record<string, string>>): T {
  if (typeof value === 'string') return filledIn(value, env) as T;
  if (Array.isArray(value)) return value.map((one) => allFilledIn(one, env)) as T;
  if (value === null || typeof value !== 'object') return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, allFilledIn(one, env)])) as T;
}

/** A text with its `${NAME:-default}` and `${NAME:?why not}` filled in, as compose does. */
export function filledIn(text: string, env: Readonly<Record<string, string>>): string {
  const withVariables = text.replaceAll(/(?<!\$)\$\{(\w+)(?::([-?])([^}]*))?\}/g, (_, name: string, kind?: string, rest = '') => {
    const value = env[name] ?? '';
    if (value !== '' || kind === undefined) return value;
    if (kind === '?') throw new Error(`required variable ${name} is missing a value: ${rest}`);
    return rest;
  });
  return withVariables.replaceAll('$$', '$');
}

export interface Ended {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs a program of the machine to its end, with nothing in its environment that could lead it elsewhere. */
export function run(program: string, args: readonly string[], more: { input?: string; env?: Record<string, string> } = {}): Promise<Ended> {
  // Where Debian keeps daemons is on no user's path.
  const PATH = [process.env.PATH ?? '', '/usr/sbin'].join(delimiter);
  return new Promise((settle, reject) => {
    const env = { PATH, KUBECONFIG: '/dev/null', ...more.env };
    const child = execFile(program, args, { env, maxBuffer: 1 << 24 }, (error, out, err) => {
      const code = error === null ? 0 : error.code;
      if (typeof code === 'number') settle({ code, out, err });
      else reject(new Error(`${program} could not be run: ${error?.message}`));
    });
    child.stdin?.on('error', () => undefined);
    child.stdin?.end(more.input ?? '');
  });
}
