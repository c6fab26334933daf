import { type ReplayOptions, type ReplayReport, replay } from '@waycast/replay';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { addCaller, callerOf, untilInterrupted } from './caller.ts';
import { wholeNumber } from './demo.ts';

interface ReplayFlags
  extends Pick<
    ReplayOptions,
    'format' | 'columns' | 'delimiter' | 'speed' | 'timezoneOffset' | 'skipBad' | 'shiftToNow' | 'driverPrefix' | 'shuffle' | 'double'
  > {
  readonly json?: boolean;
}

export function replayCommand(program: Command): void {
  const command = program
    .command('replay')
    .description('send recorded tracks (CSV, GPX) as if they were driven now, one driver a track')
    .argument('<file...>', 'CSV or GPX files')
    .addOption(new Option('--format <format>', 'by name and content when not given').choices(['csv', 'gpx']))
    .option('--columns <map>', 'lat=Y,lng=X,time=t,track=trajectory_id; the usual names are found')
    .option('--delimiter <character>', 'found when not given')
    .option('--speed <factor>', '1: as it was; 60: a minute in a second; max', speed, 1)
    .option('--timezone-offset <offset>', 'of times without one, +02:00 say (UTC)')
    .option('--skip-bad', 'leave bad rows out and count them, instead of stopping at the first')
    .option('--shift-to-now', 'move each track so that it starts now')
    .option('--driver-prefix <text>', 'before the id of the track (replay-)')
    .option('--shuffle <seed>', 'send in another order', wholeNumber)
    .option('--double', 'send everything twice')
    .option('--json', 'report as JSON');
  addCaller(command).action(async (files: string[], flags: ReplayFlags) => {
    const caller = await callerOf(command, 'replay');
    const { format, columns, delimiter, timezoneOffset, skipBad, shiftToNow, driverPrefix, shuffle, double, json } = flags;
    const report = await replay({
      files,
      ...caller,
      ...(format !== undefined && { format }),
      ...(delimiter !== undefined && { delimiter }),
      columns,
      speed: flags.speed,
      timezoneOffset,
      skipBad,
      shiftToNow,
      driverPrefix,
      shuffle,
      double,
      signal: untilInterrupted(),
      log: (line) => process.stderr.write(`${line}\n`),
    });
    process.stdout.write(json === true ? `${JSON.stringify(report)}\n` : summary(report));
    const lost = report.tracks.some(({ sent, stored, rejected }) => stored + rejected < sent);
    if (!report.complete || lost) process.exitCode = 1;
  });
}

function summary({ tracks, skipped, seconds }: ReplayReport): string {
  const lines = tracks.map(
    ({ driver, points, stored, rejected, suspect, km }) =>
      `  ${driver}: ${points} points, ${km.toFixed(1)} km, ${stored} stored, ${rejected} rejected, ${suspect} suspect`,
  );
  const left = skipped > 0 ? `, ${skipped} bad rows left out` : '';
  return `${tracks.length} tracks in ${seconds.toFixed(1)} s${left}\n${lines.join('\n')}\n`;
}

function speed(text: string): ReplayOptions['speed'] {
  if (text === 'max') return 'max';
  const factor = Number(text);
  if (!(factor > 0)) throw new InvalidArgumentError("a number above 0, or 'max'");
  return factor;
}
