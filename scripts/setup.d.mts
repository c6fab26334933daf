/** How V8 is set for a server; in setup.mjs it says why. */
export const V8_OPTIONS: string[];
