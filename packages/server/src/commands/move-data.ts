import { Presets, SingleBar } from 'cli-progress';
import type { Command } from 'commander';
import { StartupError } from '../startup-error.ts';
import { type MoveReport, moveData, type Watcher } from '../upkeep/move/move.ts';
import { addSettings, settingsOf } from './settings.ts';

const SETTINGS = ['DATA_DIR', 'DATABASE_URL', 'DB_CONNECT_TIMEOUT_MS'];

export function moveDataCommand(program: Command): void {
  const command = program
    .command('move-data')
    .description(
      'move the embedded database of DATA_DIR to PostgreSQL at DATABASE_URL; no server may run; run again it goes on where it stopped',
    )
    .option('--json', 'what was moved, as JSON');
  addSettings(command, SETTINGS).action(async ({ json }: { json?: boolean }) => {
    const { dataDir, databaseUrl, dbConnectTimeoutMs, secrets } = settingsOf(command);
    if (databaseUrl === undefined) throw new StartupError('DATABASE_URL is not set: name the PostgreSQL database to move to');
    const report = await moveData({ dataDir, databaseUrl, connectMs: dbConnectTimeoutMs }, watcher(process.stderr));
    process.stdout.write(json === true ? `${JSON.stringify(report)}\n` : textOf(report, dataDir, secrets !== undefined));
  });
}

function textOf({ to, rows, seconds }: MoveReport, dataDir: string, hasSecret: boolean): string {
  const all = Object.values(rows).reduce((sum, one) => sum + one, 0);
  const tokens = hasSecret
    ? 'Tokens stay good with the same JWT_SECRET_KEY.'
    : `Tokens stay good while the server has this DATA_DIR, where their secret is, or that secret as JWT_SECRET_KEY.`;
  return `${all} rows of DATA_DIR ${dataDir} are in PostgreSQL at ${to}, each of them compared, in ${seconds} s. Start the server with DATABASE_URL. ${tokens}\n`;
}

/** A bar on a terminal; else a line for each part. */
function watcher(stream: NodeJS.WriteStream): Watcher {
  return stream.isTTY ? barOn(stream) : linesOn(stream);
}

function barOn(stream: NodeJS.WriteStream): Watcher {
  const bar = new SingleBar(
    { stream, format: '{what} {bar} {percentage} % | {value}/{total} rows | {part} | {eta_formatted}' },
    Presets.shades_classic,
  );
  return {
    phase: (what, rows) => {
      bar.stop();
      bar.start(rows, 0, { what, part: '' });
    },
    step: (part, rows) => bar.increment(rows, { part }),
    part: () => undefined,
    end: () => bar.stop(),
  };
}

function linesOn(stream: NodeJS.WriteStream): Watcher {
  let said = '';
  return {
    phase: (what) => {
      said = what;
    },
    step: () => undefined,
    part: (part, rows, seconds) => stream.write(`${part}: ${rows} ${said}, ${seconds} s\n`),
    end: () => undefined,
  };
}
