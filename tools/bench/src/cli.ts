import { fileURLToPath } from 'node:url';

/** Waycast's command line as it is run; scripts/bench.mjs builds it. */
export const CLI = fileURLToPath(new URL('../../../packages/server/dist/cli.js', import.meta.url));
