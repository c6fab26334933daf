import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it, vi } from 'vitest';
import { clockContract } from '../hub/contracts/clock.ts';
import { ManualClock } from '../hub/contracts/manual-clock.ts';
import { systemClock } from './system-clock.ts';

clockContract('systemClock', () => ({
  clock: systemClock,
  pass: async (ms) => {
    const until = Date.now() + ms;
    await vi.waitFor(() => expect(Date.now()).toBeGreaterThanOrEqual(until), { interval: 1 });
  },
}));

clockContract('the clock of the tests', () => {
  const clock = new ManualClock();
  return { clock, pass: async (ms) => clock.pass(ms) };
});

it('never keeps the process alive', () => {
  const url = new URL('./system-clock.ts', import.meta.url);
  const script = `import { systemClock } from ${JSON.stringify(fileURLToPath(url))}; systemClock.every(3_600_000, () => {}); console.log('ended');`;
  expect(execFileSync(process.execPath, ['--input-type=module-typescript', '-e', script], { timeout: 10_000, encoding: 'utf8' })).toBe(
    'ended\n',
  );
});
