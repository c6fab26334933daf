import { once } from 'node:events';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { setDefaultCACertificates } from 'node:tls';
import { afterEach, describe, expect, it } from 'vitest';
import { HttpSender } from '../packages/server/src/adapters/http-outbox/http-sender.ts';
import { consumerOf, messageOf } from '../packages/server/src/hub/contracts/outbox-samples.ts';
import { type SelfSigned, selfSigned } from './support/self-signed.ts';

const sender = new HttpSender({ allowPrivate: true, userAgent: 'test' });
const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) server.close();
});

/** Somebody who shows this certificate and takes anything. */
async function receiver(identity: SelfSigned): Promise<{ port: number; got: string[] }> {
  const got: string[] = [];
  const server = createServer(identity, (request, response) => {
    got.push(`${request.headers.host} ${request.url}`);
    response.end('ok');
  });
  server.on('tlsClientError', () => undefined);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  servers.push(server);
  return { port: (server.address() as AddressInfo).port, got };
}

const send = (url: string) => sender.send(consumerOf('a', { url }), messageOf('m'), Date.now(), new AbortController().signal);

describe('a webhook over TLS [W13]', () => {
  it('is sent to whoever shows a certificate of that name or address, by an authority that is known', async () => {
    for (const [identity, host] of [
      [selfSigned('localhost', '10.0.0.1'), 'localhost'],
      [selfSigned('other.example', '127.0.0.1'), '127.0.0.1'],
    ] as const) {
      setDefaultCACertificates([identity.cert]);
      const { port, got } = await receiver(identity);
      expect(await send(`https://${host}:${port}/hook?x=1`)).toMatchObject({ status: 200, error: null, answer: 'ok' });
      expect(got).toEqual([`${host}:${port} /hook?x=1`]);
    }
  });

  it('is not sent to whoever shows one of somebody else', async () => {
    const identity = selfSigned('other.example', '10.0.0.1');
    setDefaultCACertificates([identity.cert]);
    const { port, got } = await receiver(identity);
    for (const host of ['localhost', '127.0.0.1'])
      expect(await send(`https://${host}:${port}/`)).toMatchObject({
        status: null,
        error: expect.stringMatching(/altnames|does not match/i),
      });
    expect(got).toEqual([]);
  });

  it('is not sent to whoever vouches for himself', async () => {
    setDefaultCACertificates([selfSigned('localhost', '127.0.0.1').cert]);
    const { port, got } = await receiver(selfSigned('localhost', '127.0.0.1'));
    expect(await send(`https://localhost:${port}/`)).toMatchObject({ status: null, error: expect.stringMatching(/certificate|signature/) });
    expect(got).toEqual([]);
  });
});
