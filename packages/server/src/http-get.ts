import { type IncomingHttpHeaders, type IncomingMessage, request as plain } from 'node:http';
import { request as secure } from 'node:https';

const MB = 1_048_576;

/** An answer; `text` is that of a 200, else nothing was read. */
export interface Got {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface Get {
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  /** Bytes of an answer. */
  readonly most: number;
  readonly signal: AbortSignal;
}

/** There was an answer, and it is of no use; the message says why. */
export class Unusable extends Error {}

/**
 * One GET to an address the operator named. Redirects are not followed. Not by `fetch`: an answer that comes compressed and
 * whose connection ends while it is unpacked would end the process (nodejs/undici#5360).
 * @throws Unusable; else an Error with the `code` of what went wrong
 */
export async function get(what: Get): Promise<Got> {
  try {
    return await once(what);
  } catch (error) {
    // The other side closed a connection that had been kept just when it was wanted again.
    if (!(error instanceof Stale)) throw error;
    return await once(what);
  }
}

class Stale extends Error {}

function once({ url, headers, most, signal }: Get): Promise<Got> {
  return new Promise((resolve, reject) => {
    const request = url.protocol === 'https:' ? secure : plain;
    const asked = request(url, { headers: { ...headers, 'accept-encoding': 'identity' }, signal }, (response) => {
      textOf(response, most).then((text) => resolve({ status: response.statusCode ?? 0, headers: response.headers, text }), reject);
    });
    asked.on('error', (error: NodeJS.ErrnoException) => {
      reject(asked.reusedSocket && error.code === 'ECONNRESET' ? new Stale(error.message, { cause: error }) : error);
    });
    asked.end();
  });
}

async function textOf(response: IncomingMessage, most: number): Promise<string> {
  const { 'content-encoding': encoding = 'identity' } = response.headers;
  if (response.statusCode !== 200) {
    response.destroy();
    return '';
  }
  if (encoding !== 'identity') {
    response.destroy();
    throw new Unusable(`it sent what nobody asked for, ${encoding}`);
  }
  const chunks: Buffer[] = [];
  let bytes = 0;
  // Leaving the loop ends the connection.
  for await (const chunk of response as AsyncIterable<Buffer>) {
    bytes += chunk.byteLength;
    if (bytes > most) throw new Unusable(`it sent more than ${most >= MB ? `${most / MB} MB` : `${most / 1_024} KB`}`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString('utf8');
}
