import { runDemo } from '@waycast/simulator';
import { type Command, InvalidArgumentError } from 'commander';
import { addCaller, callerOf, untilInterrupted } from './caller.ts';

interface DemoFlags {
  readonly vehicles: number;
  readonly seed?: number;
  readonly json?: boolean;
}

export function demoCommand(program: Command): void {
  const command = program
    .command('demo')
    .description('drive a simulated city fleet against a running server, until interrupted')
    .option('--vehicles <count>', 'how many', wholeNumber, 40)
    .option('--seed <number>', 'the same seed drives the same ways', wholeNumber)
    .option('--json', 'report as JSON at the end');
  addCaller(command).action(async ({ vehicles, seed, json }: DemoFlags) => {
    const caller = await callerOf(command, 'demo');
    const report = await runDemo({
      ...caller,
      vehicles,
      seed,
      signal: untilInterrupted(),
      log: (line) => process.stderr.write(`${line}\n`),
    });
    process.stdout.write(
      json === true ? `${JSON.stringify(report)}\n` : `${report.vehicles} vehicles sent ${report.fixes} fixes on ${report.trips} trips\n`,
    );
  });
}

export function wholeNumber(text: string): number {
  if (!/^\d+$/.test(text)) throw new InvalidArgumentError('a whole number');
  return Number(text);
}
