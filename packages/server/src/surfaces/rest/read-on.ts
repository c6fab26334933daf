import type { IncomingMessage } from 'node:http';

/** What of a body that is refused is still read, bytes; more is cut off. */
const MOST_BYTES = 8 * 1_024 * 1_024;
const WITHIN_MS = 10_000;

/**
 * Reads a refused body to its end, so that whoever sends it, a balancer say, reads its answer and no broken connection.
 * Calls back once that is done, or not worth while.
 */
export function readOn(request: IncomingMessage, done: () => void): void {
  const length = Number(request.headers['content-length']);
  if (request.complete || request.destroyed || !(length <= MOST_BYTES)) {
    done();
    return;
  }
  const finish = (): void => {
    clearTimeout(timer);
    request.off('end', finish).off('close', finish);
    done();
  };
  const timer = setTimeout(finish, WITHIN_MS);
  request.on('end', finish).on('close', finish).resume();
}
