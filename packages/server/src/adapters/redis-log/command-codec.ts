import type { Command, FixesCommand } from '../../core/commands.ts';

/**
 * A command as text. Fixes are nearly all there is: they go as lists, without the names of their members; everything
 * else is plain JSON. A number that is none (NaN) becomes null, as JSON has it.
 */
export function encodeCommand(command: Command): string {
  return JSON.stringify(command.kind === 'fixes' ? listed(command) : command);
}

/** @throws SyntaxError when it is not what `encodeCommand` wrote */
export function decodeCommand(text: string): Command {
  const value = JSON.parse(text) as Command | ListedFixes;
  return Array.isArray(value) ? named(value) : value;
}

type Place = number | null;
type ListedFix = [seq: number | null, lat: number, lng: number, at: number, speed: Place, bearing: Place, accuracy: Place, altitude: Place];
type ListedFixes = [
  driverId: string,
  receivedAt: number,
  reply: number,
  live: 0 | 1,
  stream: string | null,
  base: number | null,
  sender: number,
  fixes: ListedFix[],
];

function listed({ driverId, receivedAt, reply, live, stream, base, sender, fixes }: FixesCommand): ListedFixes {
  const rows = fixes.map(({ seq, fix }): ListedFix => {
    const { lat, lng, at, speed, bearing, accuracy, altitude } = fix;
    return [seq, lat, lng, at, speed, bearing, accuracy, altitude];
  });
  return [driverId, receivedAt, reply, live ? 1 : 0, stream, base, sender, rows];
}

function named([driverId, receivedAt, reply, live, stream, base, sender, rows]: ListedFixes): FixesCommand {
  const fixes = rows.map(([seq, lat, lng, at, speed, bearing, accuracy, altitude]) => ({
    seq,
    fix: { lat, lng, at, speed, bearing, accuracy, altitude },
  }));
  return { kind: 'fixes', driverId, receivedAt, reply, live: live === 1, stream, base, sender, fixes };
}
