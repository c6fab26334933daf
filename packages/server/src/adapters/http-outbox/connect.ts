import { lookup as resolve } from 'node:dns';
import { connect as connectTcp, type LookupFunction, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { isPublicAddress, literalAddress } from './public-address.ts';

/** An address nothing may be sent to. */
export class ForbiddenAddress extends Error {
  constructor(host: string) {
    super(`${host} leads to an address that is not public`);
    this.name = 'ForbiddenAddress';
  }
}

/** Who may be connected to, and who says where a name is. */
export interface Gate {
  isAllowed(address: string): boolean;
  readonly resolve: typeof resolve;
}

export const PUBLIC_ONLY: Gate = { isAllowed: isPublicAddress, resolve };

/**
 * A connection to where a URL points. Behind a gate the address that is dialled is one that was looked at, not the
 * answer to a second question; and the connected socket is looked at once more, before a byte is written.
 * @throws ForbiddenAddress, or what the network says
 */
export async function connect(url: URL, gate: Gate | null, signal: AbortSignal): Promise<Socket> {
  const literal = literalAddress(url.hostname);
  const host = literal ?? url.hostname;
  if (gate !== null && literal !== null && !gate.isAllowed(literal)) throw new ForbiddenAddress(host);
  const isTls = url.protocol === 'https:';
  const port = Number(url.port) || (isTls ? 443 : 80);
  const socket = connectTcp({ host, port, ...(gate !== null && { lookup: lookupBy(gate) }) });
  await once(socket, 'connect', signal);
  if (gate !== null && !gate.isAllowed(socket.remoteAddress ?? '')) {
    socket.destroy();
    throw new ForbiddenAddress(host);
  }
  if (!isTls) return socket;
  // Only now: a TLS socket of its own would say hello before it could be looked at.
  // `host` is who the certificate must be of; the connection is there already.
  const secure = connectTls({ socket, host, ...(literal === null && { servername: host }) });
  await once(secure, 'secureConnect', signal);
  return secure;
}

/** Destroys the socket when it fails, or is given up, before the event came. */
function once(socket: Socket, event: 'connect' | 'secureConnect', signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const fail = (error: Error): void => {
      signal.removeEventListener('abort', stop);
      socket.destroy();
      reject(error);
    };
    const stop = () => fail(new Error('given up'));
    if (signal.aborted) stop();
    else signal.addEventListener('abort', stop, { once: true });
    // It stays: the request hears of later errors by itself, and one that comes after it has nobody left to tell.
    socket.on('error', fail);
    socket.once(event, () => {
      signal.removeEventListener('abort', stop);
      resolve();
    });
  });
}

/** Resolves a name, and refuses it whole when any of its addresses is not allowed. */
function lookupBy(gate: Gate): LookupFunction {
  return (host, options, callback) => {
    gate.resolve(host, { ...options, all: true }, (error, addresses) => {
      const [first] = addresses ?? [];
      if (error !== null || first === undefined) callback(error ?? new Error(`${host} has no address`), '');
      else if (!addresses.every(({ address }) => gate.isAllowed(address))) callback(new ForbiddenAddress(host), '');
      else if (options.all) callback(null, addresses);
      else callback(null, first.address, first.family);
    });
  };
}
