import { vi } from 'vitest';

/** Waits until a condition holds, looking again every few ms; fails with what it saw last. */
export function until(check: () => boolean, what = 'it never came true'): Promise<void> {
  return vi.waitFor(
    () => {
      if (!check()) throw new Error(what);
    },
    { timeout: 4_000, interval: 3 },
  );
}
