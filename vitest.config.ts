import { configDefaults, defineConfig } from 'vitest/config';

const LONG = ['test/scale/campaign/**', 'test/scale/operators-day.test.ts'];

export default defineConfig({
  test: {
    globalSetup: ['test/support/services/global-setup.ts'],
    include: ['packages/**/*.test.ts', 'tools/**/*.test.ts', 'test/**/*.test.ts'],
    // Long: `npm run test:scale` runs it.
    exclude: [...configDefaults.exclude, ...(process.env.WAYCAST_TEST_CAMPAIGN === undefined ? LONG : [])],
    // Real servers, disks and browsers: generous, so that a slow machine never decides a test.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    pool: 'forks',
    // What they share is imported once: each server, database and browser is its own process anyway.
    isolate: false,
    // On two cores a third one uses the time the others wait: for a dead line, a closing time. A fourth saves a minute, and
    // starves browsers and servers until something takes longer than anybody would wait.
    maxWorkers: 3,
    env: { LOG_LEVEL: 'silent' },
  },
});
