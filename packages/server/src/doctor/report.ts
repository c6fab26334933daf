import type { Check, Verdict } from './check.ts';
import type { ShownSetting } from './shown-settings.ts';

/** All there is to tell; stable, for programs [C1]. */
export interface Report {
  /** Of Waycast. */
  readonly version: string;
  /** Whether no check failed. */
  readonly ok: boolean;
  readonly settings: readonly ShownSetting[];
  readonly checks: readonly Check[];
}

const MARKS: Readonly<Record<Verdict, string>> = { ok: 'ok', warning: 'WARNING', failed: 'FAILED', 'not applicable': '-' };
const WIDEST_VALUE = 60;

export function asJson(report: Report): string {
  return `${JSON.stringify(report)}\n`;
}

/** For people: one line each, and one more where something is to be done. */
export function asText({ version, settings, checks }: Report): string {
  const lines = [`Waycast ${version}`, '', 'Settings'];
  const names = widest(settings.map(({ name }) => name));
  const values = Math.min(WIDEST_VALUE, widest(settings.map(({ value }) => value)));
  for (const { name, value, source } of settings) lines.push(`  ${name.padEnd(names)}  ${value.padEnd(values)}  ${source}`);
  lines.push('', 'Checks');
  const heads = widest(checks.map(({ group, name }) => `${group}: ${name}`));
  const marks = widest(Object.values(MARKS));
  for (const { group, name, verdict, message, remedy } of checks) {
    lines.push(`  ${MARKS[verdict].padEnd(marks)}  ${`${group}: ${name}`.padEnd(heads)}  ${message}`);
    if (remedy !== null) lines.push(`  ${' '.repeat(marks)}  ${' '.repeat(heads)}  > ${remedy}`);
  }
  lines.push('', summary(checks));
  return `${lines.map((line) => line.replaceAll(/\p{Cc}/gu, ' ').trimEnd()).join('\n')}\n`;
}

function summary(checks: readonly Check[]): string {
  const count = (verdict: Verdict): number => checks.filter((one) => one.verdict === verdict).length;
  return `${count('failed')} failed, ${count('warning')} warnings, ${count('ok')} ok, ${count('not applicable')} not applicable`;
}

function widest(texts: readonly string[]): number {
  return Math.max(0, ...texts.map(({ length }) => length));
}
