import manifest from '../package.json' with { type: 'json' };

/** The one version of all packages; of what was built, that of its sources. */
export const VERSION: string = manifest.version;
