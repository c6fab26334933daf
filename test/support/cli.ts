import { fileURLToPath } from 'node:url';

/** The command line as it is run; built from the sources before the first test. */
export const CLI = fileURLToPath(new URL('../../packages/server/dist/cli.js', import.meta.url));
