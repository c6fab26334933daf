import type { Command } from './commands.ts';

/** How much a command brings that is to be stored: every fix counts one, and so does any other command. */
export function weightOf(command: Command): number {
  return command.kind === 'fixes' ? Math.max(1, command.fixes.length) : 1;
}
