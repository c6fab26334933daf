import { Command, CommanderError } from 'commander';
import { archiveCommand } from './commands/archive.ts';
import { backupCommand, restoreCommand } from './commands/backup.ts';
import { demoCommand } from './commands/demo.ts';
import { doctorCommand } from './commands/doctor.ts';
import { moveDataCommand } from './commands/move-data.ts';
import { replayCommand } from './commands/replay.ts';
import { serveCommand } from './commands/serve.ts';
import { tokenCommand } from './commands/token.ts';
import { VERSION } from './version.ts';

/** Exit codes: 0 done, 1 it failed and the line says why, 2 the call itself was wrong. */
const FAILED = 1;
const WRONG_CALL = 2;
const HELP_WIDTH = 110;

const program = new Command('waycast')
  .description('Real-time tracking of rides, deliveries and fleets')
  .version(VERSION)
  // The names of settings are long: at 80 columns commander would not wrap what stands behind them.
  .configureHelp({ helpWidth: HELP_WIDTH })
  .showHelpAfterError('(--help tells more)');
program.exitOverride();
const COMMANDS = [
  serveCommand,
  demoCommand,
  replayCommand,
  tokenCommand,
  doctorCommand,
  backupCommand,
  restoreCommand,
  archiveCommand,
  moveDataCommand,
];
for (const add of COMMANDS) add(program);
for (const command of program.commands) command.exitOverride();

try {
  await program.parseAsync();
} catch (error) {
  if (error instanceof CommanderError) {
    process.exitCode = error.exitCode === 0 ? 0 : WRONG_CALL;
  } else {
    process.stderr.write(`waycast: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exit(FAILED);
  }
}
