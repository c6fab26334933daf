import { SECRET } from './server-process.ts';
import { type Ended, waycast } from './waycast.ts';

export interface DoctorCheck {
  readonly group: string;
  readonly name: string;
  readonly verdict: 'ok' | 'warning' | 'failed' | 'not applicable';
  readonly message: string;
  readonly remedy: string | null;
}

export interface Diagnosis extends Ended {
  readonly ok: boolean;
  readonly settings: readonly { readonly name: string; readonly value: string; readonly source: string }[];
  readonly checks: readonly DoctorCheck[];
  /** The only check of this name, as `group: name`. */
  check(name: string): DoctorCheck;
  /** Those with this verdict, as `group: name`. */
  those(verdict: DoctorCheck['verdict']): string[];
}

/** Runs `waycast doctor --json` as an operator would; on a port that is free unless it is said. */
export async function doctor(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Diagnosis> {
  const ended = await waycast(['doctor', '--json', ...(args.includes('--port') || 'PORT' in env ? [] : ['--port', '0']), ...args], {
    JWT_SECRET_KEY: SECRET,
    ...env,
  });
  let report: Pick<Diagnosis, 'ok' | 'settings' | 'checks'>;
  try {
    report = JSON.parse(ended.out) as Pick<Diagnosis, 'ok' | 'settings' | 'checks'>;
  } catch {
    throw new Error(`no report, code ${ended.code}:\n${ended.out}\n${ended.err}`);
  }
  return {
    ...ended,
    ...report,
    check: (wanted) => {
      const found = report.checks.filter(({ group, name }) => `${group}: ${name}` === wanted);
      if (found.length !== 1) throw new Error(`${found.length} checks are called ${wanted}:\n${ended.out}`);
      return found[0] as DoctorCheck;
    },
    those: (verdict) => report.checks.filter((one) => one.verdict === verdict).map(({ group, name }) => `${group}: ${name}`),
  };
}
