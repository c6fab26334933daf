import type { Command } from 'commander';
import { examine } from '../doctor/examine.ts';
import { asJson, asText } from '../doctor/report.ts';
import { addSettings, surveyOf } from './settings.ts';

/** Who keeps the process up after this has hung: nothing is waited for any more, ms. */
const LEAVE_AFTER_MS = 200;

export function doctorCommand(program: Command): void {
  const command = program
    .command('doctor')
    .description('look at the settings and at everything a server with them needs; changes nothing; exit code 1 when a check failed')
    .option('--json', '{version, ok, settings, checks}');
  addSettings(command).action(async ({ json }: { json?: boolean }) => {
    const report = await examine(surveyOf(command));
    process.exitCode = report.ok ? 0 : 1;
    process.stdout.write(json === true ? asJson(report) : asText(report), () => setTimeout(() => process.exit(), LEAVE_AFTER_MS).unref());
  });
}
