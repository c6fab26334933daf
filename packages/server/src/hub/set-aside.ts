import type { Command } from '../core/commands.ts';
import type { Batch } from './commits.ts';
import type { LogEntry } from './ports.ts';

/** What the sender of a command that was set aside is told. */
export const REFUSED = 'this could not be applied';

/** Passes over a command: it is kept with its error for whoever looks into it [P6]. `at`: epoch ms. */
export function keepAside({ partition, position, command }: LogEntry, error: string, at: number, batch: Batch): void {
  batch.setAside.push({ partition, position, command, error, at });
  batch.reached.set(partition, position);
  // Else it would be sent on again and again.
  if (command.kind === 'adopt') batch.effects.outboxDone.push(command.entry);
}

/** Whoever asked for it hears that it was refused. */
export function answerRefused({ reply }: Command, batch: Batch): void {
  if (reply !== 0) batch.effects.answers.push({ reply, kind: 'error', code: 'internal', message: REFUSED });
}

/**
 * The same for a command whose driver cannot be read. Its numbers are refused for good [A2]; the watermark stays, for
 * nobody knows where it stands.
 */
export function setAside(entry: LogEntry, error: string, at: number, batch: Batch): void {
  const { command } = entry;
  keepAside(entry, error, at, batch);
  answerRefused(command, batch);
  if (command.kind !== 'fixes' || command.stream === null) return;
  const { driverId, stream, sender } = command;
  for (const { seq } of command.fixes)
    if (seq !== null) batch.effects.remarks.push({ sender, driverId, stream, seq, kind: 'rejected', code: 'internal', message: REFUSED });
}
