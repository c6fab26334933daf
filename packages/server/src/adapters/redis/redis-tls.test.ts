import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, it } from 'vitest';
import { stablePort } from '../../../../../test/support/port.ts';
import { selfSigned } from '../../../../../test/support/self-signed.ts';
import { startRedis } from '../../../../../test/support/services/redis.ts';
import { openRedis } from './open-redis.ts';

const folder = mkdtempSync(join(tmpdir(), 'waycast-tls-'));

/** A certificate that nobody signed but itself; the paths of certificate and key. */
function certificate(address: string): readonly [string, string] {
  const { cert, key } = selfSigned('redis.test', address);
  const paths = [join(folder, `${address}.pem`), join(folder, `${address}.key`)] as const;
  writeFileSync(paths[0], cert);
  writeFileSync(paths[1], key);
  return paths;
}

async function redisWith([file, key]: readonly [string, string], clients: 'yes' | 'no') {
  const port = await stablePort();
  const redis = await startRedis({
    args: [
      '--tls-port',
      String(port),
      '--tls-cert-file',
      file,
      '--tls-key-file',
      key,
      '--tls-ca-cert-file',
      file,
      '--tls-auth-clients',
      clients,
    ],
  });
  return { ...redis, plain: redis.port, port };
}

const own = certificate('127.0.0.1');
const elsewhere = certificate('127.0.0.9');
const [redis, strict, misnamed] = await Promise.all([redisWith(own, 'no'), redisWith(own, 'yes'), redisWith(elsewhere, 'no')]);
afterAll(async () => {
  await Promise.all([redis.stop(), strict.stop(), misnamed.stop()]);
  rmSync(folder, { recursive: true, force: true });
});

/** Another process, which is told of the authority as an operator tells it; what it says in the end. */
async function opened(url: string, authority: string): Promise<string> {
  const module = JSON.stringify(new URL('./open-redis.ts', import.meta.url).href);
  const script = `
    const { openRedis } = await import(${module});
    const said = openRedis({ url: ${JSON.stringify(url)}, withinMs: 3_000 }).then(
      (connection) => connection.run([{ key: 'a', args: ['PING'] }]).then(([answer]) => answer),
      (error) => error.message,
    );
    process.stdout.write(await said, () => process.exit());`;
  const env = { ...process.env, NODE_EXTRA_CA_CERTS: authority };
  return (await promisify(execFile)(process.execPath, ['--input-type=module', '--eval', script], { env })).stdout;
}

describe('Redis over TLS [P12]', () => {
  it('is spoken to once its authority is named', async () => {
    expect(await opened(`rediss://127.0.0.1:${redis.port}`, own[0])).toBe('PONG');
  });

  it('stops the start in one line when nobody knows its authority', async () => {
    const began = performance.now();
    await expect(openRedis({ url: `rediss://127.0.0.1:${redis.port}` })).rejects.toThrow(
      /^REDIS_URL: the certificate of Redis is not trusted; name the authority that signed it by NODE_EXTRA_CA_CERTS=file.pem \(.*\)$/,
    );
    expect(performance.now() - began, 'patience would not help').toBeLessThan(4_000);
  });

  it('stops the start in one line when the certificate is for another host', async () => {
    expect(await opened(`rediss://127.0.0.1:${misnamed.port}`, elsewhere[0])).toMatch(
      /^REDIS_URL: the certificate of Redis is for another name; correct the host in the URL \(.*\)$/,
    );
  });

  it('stops the start in one line when it wants a certificate of ours', async () => {
    expect(await opened(`rediss://127.0.0.1:${strict.port}`, own[0])).toMatch(/^REDIS_URL: Redis wants a certificate of its clients.*no$/);
  });

  it('stops the start in one line that says which scheme to try when TLS is on one side only', async () => {
    await expect(openRedis({ url: `redis://127.0.0.1:${redis.port}`, withinMs: 500 })).rejects.toThrow(/write rediss:\/\/ if it has TLS/);
    await expect(openRedis({ url: `rediss://127.0.0.1:${redis.plain}`, withinMs: 500 })).rejects.toThrow(
      /^REDIS_URL: Redis cannot be reached; .*write redis:\/\/ if it has no TLS \(.*\)$/,
    );
  });
});
