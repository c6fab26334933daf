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

/**
 * A connection to where a URL points. With `onlyPublic` the address that is dialled is one that was looked at, not the
 * answer to a second question; and the connected socket is looked at once more.
 * @throws ForbiddenAddress, or what the network says
 */
export function connect(url: URL, onlyPublic: boolean, signal: AbortSignal): Promise<Socket> {
  const host = literalAddress(url.hostname) ?? url.hostname;
  const isTls = url.protocol === 'https:';
  return new Promise((done, fail) => {
    if (onlyPublic && literalAddress(host) !== null && !isPublicAddress(host)) {
      fail(new ForbiddenAddress(host));
      return;
    }
    const where = { host, port: Number(url.port) || (isTls ? 443 : 80), ...(onlyPublic && { lookup: publicOnly }) };
    const servername = literalAddress(host) === null ? host : undefined;
    const socket = isTls ? connectTls({ ...where, ...(servername !== undefined && { servername }) }) : connectTcp(where);
    const give = (error: Error): void => {
      socket.destroy();
      fail(error);
    };
    const stop = () => give(new Error('given up'));
    if (signal.aborted) stop();
    signal.addEventListener('abort', stop, { once: true });
    socket.once('error', give);
    // Before anything is written, TLS included.
    if (onlyPublic) socket.once('connect', () => isPublicAddress(socket.remoteAddress ?? '') || give(new ForbiddenAddress(host)));
    socket.once(isTls ? 'secureConnect' : 'connect', () => {
      // From here on the request hears of errors; one that comes after it has nobody left to tell.
      socket.on('error', () => socket.destroy());
      signal.removeEventListener('abort', stop);
      socket.off('error', give);
      done(socket);
    });
  });
}

/** Resolves a name, and refuses it whole when any of its addresses is not public. */
const publicOnly: LookupFunction = (host, options, callback) => {
  resolve(host, { ...options, all: true }, (error, addresses) => {
    const [first] = addresses ?? [];
    if (error !== null || first === undefined) callback(error ?? new Error(`${host} has no address`), '');
    else if (!addresses.every(({ address }) => isPublicAddress(address))) callback(new ForbiddenAddress(host), '');
    else if (options.all) callback(null, addresses);
    else callback(null, first.address, first.family);
  });
};
