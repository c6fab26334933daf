import { createHmac } from 'node:crypto';
import type { SigningSecret } from '../../hub/outbox/ports.ts';

/**
 * The headers of Standard Webhooks: one signature for each secret in force, so that a receiver may know either while
 * they rotate. `at`: of this try, epoch ms.
 */
export function signatureHeaders(id: string, at: number, body: string, secrets: readonly SigningSecret[]): Record<string, string> {
  const timestamp = String(Math.floor(at / 1000));
  const signatures = secrets
    .filter(({ until }) => until === null || until > at)
    .map(({ secret }) => `v1,${createHmac('sha256', keyOf(secret)).update(`${id}.${timestamp}.${body}`).digest('base64')}`);
  return { 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': signatures.join(' ') };
}

function keyOf(secret: string): Buffer {
  return Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
}
