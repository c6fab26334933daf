/** Calls somebody else's handler. What it throws is reported as uncaught, but does not stop the others or the client. */
export function emit<A extends unknown[]>(handler: ((...args: A) => void) | undefined, ...args: A): void {
  try {
    handler?.(...args);
  } catch (error) {
    queueMicrotask(() => {
      throw error;
    });
  }
}
