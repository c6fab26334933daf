import { setTimeout as sleep } from 'node:timers/promises';
import type { ArchiveState } from '@waycast/protocol';
import type { Command } from 'commander';
import type { KeepingProgress, KeepingReport } from '../archive/keeping.ts';
import { placeOf } from '../archive/place-of.ts';
import { StartupError } from '../startup-error.ts';
import { isServed, keepEmbedded, keepShared } from '../upkeep/keep-history.ts';
import { addCaller, callerOf } from './caller.ts';
import { settingsOf } from './settings.ts';

const SETTINGS = [
  'DATABASE_URL',
  'HISTORY_RETENTION_DAYS',
  'ARCHIVE_URL',
  'ARCHIVE_ENDPOINT',
  'ARCHIVE_REGION',
  'ARCHIVE_ACCESS_KEY',
  'ARCHIVE_SECRET_KEY',
];
const ASK_EVERY_MS = 500;
const PATIENCE_MS = 10_000;

export function archiveCommand(program: Command): void {
  const command = program
    .command('archive')
    .description('take history past HISTORY_RETENTION_DAYS out of the database and into ARCHIVE_URL now, as the server does once a day')
    .option('--json', 'what was done, as JSON');
  addCaller(command, SETTINGS).action(async ({ json }: { json?: boolean }) => {
    const report = await archiveNow(command);
    process.stdout.write(json === true ? `${JSON.stringify(report)}\n` : `${inWords(report)}\n`);
  });
}

async function archiveNow(command: Command): Promise<KeepingReport | null> {
  const config = settingsOf(command);
  const place = placeOf(config);
  if (place === undefined)
    throw new StartupError(
      'ARCHIVE_URL is not set: name a folder (file:///...) or a bucket (s3://...), or none to delete what is past retention',
    );
  const task = { place, retentionDays: config.retentionDays, told: progressLine() };
  if (config.databaseUrl !== undefined) return keepShared(config.databaseUrl, task);
  return isServed(config.dataDir) ? askServer(await callerOf(command, 'archive', 'admin'), task.told) : keepEmbedded(config.dataDir, task);
}

/** The server has the database: it does it, by its own settings. */
async function askServer(
  { url, token }: { url: string; token: string },
  told: (progress: KeepingProgress) => void,
): Promise<KeepingReport | null> {
  const ask = async (method: 'GET' | 'POST'): Promise<ArchiveState> => {
    const answer = await fetch(new URL('/v1/archive', url), {
      method,
      headers: { authorization: `Bearer ${token}` },
      signal: AbortSignal.timeout(PATIENCE_MS),
    }).catch((cause: Error) => {
      throw new StartupError(`the server that has DATA_DIR is not at ${url} (${cause.message}): say where by --url`, { cause });
    });
    if (answer.ok) return (await answer.json()) as ArchiveState;
    throw new StartupError(`the server at ${url} refused: ${answer.status} ${(await answer.text()).slice(0, 300)}`);
  };
  let state = await ask('POST');
  for (; state.running; state = await ask('GET')) {
    if (state.progress !== null) told(state.progress);
    await sleep(ASK_EVERY_MS);
  }
  if (state.lastRun?.problem) throw new Error(state.lastRun.problem);
  return state.lastRun?.report ?? null;
}

function inWords(report: KeepingReport | null): string {
  if (report === null) return 'Another process is at it already.';
  const { days, archived, bytes, dropped, stayed, connections } = report;
  const said = [];
  if (days > 0)
    said.push(
      `${days} ${days === 1 ? 'day' : 'days'} left the database: ${archived} fixes archived in ${bytes} bytes, ${dropped} dropped.`,
    );
  if (stayed > 0)
    said.push(
      `${stayed} ${stayed === 1 ? 'day is' : 'days are'} archived and still in the database, for somebody reads history for long: see pg_stat_activity, and run it again.`,
    );
  if (connections > 0)
    said.push(`${connections} ${connections === 1 ? 'connection that was' : 'connections that were'} over by then forgotten.`);
  return said.length === 0 ? 'Nothing is past retention.' : said.join(' ');
}

/** On a terminal, how far it is. */
function progressLine(): (progress: KeepingProgress) => void {
  if (!process.stderr.isTTY) return () => undefined;
  return ({ doing, day, archived, dropped }) => process.stderr.write(`\r${doing} ${day}: ${archived} archived, ${dropped} dropped   `);
}
