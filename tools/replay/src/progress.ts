import { Presets, SingleBar } from 'cli-progress';

export interface Progress {
  update(stored: number): void;
  stop(): void;
}

/** A bar on a terminal; nothing anywhere else, since logs are no place for it. */
export function showProgress(total: number, stream: NodeJS.WriteStream): Progress {
  if (!stream.isTTY) return { update: () => {}, stop: () => {} };
  const bar = new SingleBar(
    { stream, format: 'replay {bar} {percentage} % | {value}/{total} stored | {eta_formatted}' },
    Presets.shades_classic,
  );
  bar.start(total, 0);
  return { update: (stored) => bar.update(stored), stop: () => bar.stop() };
}
