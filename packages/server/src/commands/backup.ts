import type { Command } from 'commander';
import type { Config } from '../config.ts';
import { StartupError } from '../startup-error.ts';
import { backUp } from '../upkeep/backup.ts';
import { restore } from '../upkeep/restore.ts';
import { addSettings, settingsOf } from './settings.ts';

const SETTINGS = ['DATA_DIR', 'DATABASE_URL'];
const PER_CENT = 100;

export function backupCommand(program: Command): void {
  const command = program
    .command('backup <folder>')
    .description('copy the embedded database and the secret of DATA_DIR into a new folder, while the server runs or not')
    .option('--json', 'what was backed up, as JSON');
  addSettings(command, SETTINGS).action(async (folder: string, { json }: { json?: boolean }) => {
    const manifest = await backUp(dataDirOf(settingsOf(command)), folder, showProgress());
    const bytes = Object.values(manifest.files).reduce((sum, file) => sum + file.bytes, 0);
    process.stdout.write(
      json === true
        ? `${JSON.stringify({ folder, bytes, ...manifest })}\n`
        : `${folder} holds DATA_DIR as it was at ${manifest.at}, ${bytes} bytes. Keep it as safe as the server: the secret is in it.\n`,
    );
  });
}

export function restoreCommand(program: Command): void {
  const command = program
    .command('restore <folder>')
    .description('make DATA_DIR what a backup has; the server must not run')
    .option('--replace', 'where DATA_DIR holds a database already, keep that one aside');
  addSettings(command, SETTINGS).action(async (folder: string, { replace }: { replace?: boolean }) => {
    const dataDir = dataDirOf(settingsOf(command));
    const { manifest, before } = await restore(folder, dataDir, replace === true);
    const kept = before === null ? '' : ` What was there is in ${before}.`;
    process.stdout.write(`${dataDir} is as it was at ${manifest.at}.${kept}\n`);
  });
}

/** @throws StartupError where PostgreSQL keeps everything */
function dataDirOf({ databaseUrl, dataDir }: Config): string {
  if (databaseUrl === undefined) return dataDir;
  throw new StartupError('DATABASE_URL is set, so everything is in PostgreSQL: back that up with pg_dump or pg_basebackup');
}

/** On a terminal, how far it is. */
function showProgress(): (done: number, all: number) => void {
  if (!process.stderr.isTTY) return () => undefined;
  return (done, all) => process.stderr.write(`\r${Math.floor((done / all) * PER_CENT)} % of ${all} pages${done === all ? '\n' : ''}`);
}
