/** The store has broken for good: nothing more can be written or promised. */
export class StoreBroken extends Error {}
