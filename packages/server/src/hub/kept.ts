/** The life of a counter that nobody counts: the driver is in nobody's memory. */
export const KEPT = 'kept';
