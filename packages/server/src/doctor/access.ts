import { existsSync, readFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import { algorithmsOf } from '../auth/algorithms.ts';
import { sharedSecrets } from '../auth/secret.ts';
import type { Config } from '../config.ts';
import { StartupError } from '../startup-error.ts';
import { type Check, check, type Finding, failed, notApplicable, ok, refused, warning } from './check.ts';

const CHECK_MS = 4_000;
/** HS256 wants a key as long as its digest (RFC 7518, 3.2). */
const LONG_ENOUGH = 32;

/** What lets clients in: secrets, origins, and doors that were opened on purpose. */
export function checkAccess(config: Config): Promise<Check>[] {
  return [
    check('access', 'secret', CHECK_MS, () => secret(config)),
    check('access', 'CORS_ORIGINS', CHECK_MS, () => origins(config)),
    check('access', 'open doors', CHECK_MS, () => doors(config)),
  ];
}

function secret(config: Config): Finding {
  try {
    algorithmsOf(config);
  } catch (error) {
    if (error instanceof StartupError) return refused(error.message);
    throw error;
  }
  const shared = sharedSecrets(config);
  if (shared === undefined && config.secrets !== undefined)
    return warning('JWT_SECRET_KEY counts for nothing, since JWT_ALGORITHM leaves HS256 out', 'leave one of them out');
  if (shared === undefined) return generated(config);
  const shortest = Math.min(...shared.map(({ length }) => length));
  if (shortest < LONG_ENOUGH)
    return warning(
      `a secret of JWT_SECRET_KEY has ${shortest} characters`,
      `use ${LONG_ENOUGH} or more that nobody can guess: openssl rand -base64 48`,
    );
  return ok(shared.length === 1 ? 'your own, by JWT_SECRET_KEY' : `your own ${shared.length}, by JWT_SECRET_KEY; the first signs`);
}

function generated({ dataDir, redisUrl }: Config): Finding {
  const path = join(dataDir, 'secret');
  if (redisUrl !== undefined)
    return warning('each machine makes a secret of its own, and takes no tokens of the others', 'give all of them the same JWT_SECRET_KEY');
  if (!existsSync(path)) return ok('generated at the first start');
  if (readFileSync(path, 'utf8').trim().length < LONG_ENOUGH)
    return failed(`${path} holds no usable secret`, 'remove it to have a new one made (all tokens end), or set JWT_SECRET_KEY');
  return ok('generated, in DATA_DIR');
}

function origins({ corsOrigins, host }: Config): Finding {
  if (!corsOrigins.includes('*')) return ok(corsOrigins.length === 0 ? 'pages of the same origin only' : corsOrigins.join(', '));
  if (isLoopback(host)) return ok('any page of this machine may connect');
  return warning(
    `pages of any origin may connect, and ${host} is not this machine alone`,
    'list the origins of your pages in CORS_ORIGINS',
  );
}

function doors({ host, ridesharePublicStatus, dialects, webhookAllowPrivate, requireExp }: Config): Finding {
  const open: string[] = [];
  if (!requireExp) open.push('JWT_REQUIRE_EXP=false takes tokens that never end');
  if (webhookAllowPrivate) open.push('WEBHOOK_ALLOW_PRIVATE lets webhooks reach private addresses');
  if (ridesharePublicStatus && dialects.includes('rideshare')) open.push('RIDESHARE_PUBLIC_STATUS shows rides without a token');
  if (open.length === 0) return ok('none');
  if (isLoopback(host)) return notApplicable(`${open.join('; ')}; only this machine reaches it`);
  return warning(open.join('; '), 'leave it so only where it is wanted');
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || (isIP(host) === 4 && host.startsWith('127.'));
}
