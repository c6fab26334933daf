import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Command } from 'commander';
import { secretsOf, sharedSecrets } from '../auth/secret.ts';
import { Tokens } from '../auth/tokens.ts';
import { StartupError } from '../startup-error.ts';
import { addSettings, settingsOf } from './settings.ts';

const LOCAL_TOKEN_S = 24 * 3600;
/** What signing needs: nothing else of the server matters to a caller. */
const SIGNING = ['DATA_DIR', 'JWT_SECRET_KEY', 'JWT_ALGORITHM', 'JWT_JWKS_URL', 'JWT_ISSUER', 'JWT_AUDIENCE'];

/** Adds the options of commands that talk to a running server, and those of other settings. */
export function addCaller(command: Command, settings: readonly string[] = []): Command {
  command.option('--url <url>', 'the server (WAYCAST_URL)', process.env.WAYCAST_URL ?? 'http://127.0.0.1:8080');
  command.option('--token <jwt>', 'a token of role service (WAYCAST_TOKEN); without one, this installation signs its own');
  return addSettings(command, [...SIGNING, ...settings]);
}

/** Where to call, and as whom: a given token, or one signed with this installation's secret. */
export async function callerOf(
  command: Command,
  sub: string,
  role: 'service' | 'admin' = 'service',
): Promise<{ url: string; token: string }> {
  const { url, token = process.env.WAYCAST_TOKEN } = command.opts<{ url: string; token?: string }>();
  if (token !== undefined) return { url, token };
  const config = settingsOf(command);
  if (sharedSecrets(config) === undefined && !existsSync(join(config.dataDir, 'secret'))) {
    throw new StartupError(`no token: give --token, or run this where the server's DATA_DIR is (${config.dataDir} holds no secret)`);
  }
  const tokens = new Tokens({ ...config, secrets: secretsOf(config) });
  return { url, token: await tokens.sign({ sub, role, ttl: LOCAL_TOKEN_S }) };
}

/** Aborts at Ctrl-C or SIGTERM, so that what is on its way is stored before the end. */
export function untilInterrupted(): AbortSignal {
  const controller = new AbortController();
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => controller.abort());
  return controller.signal;
}
