import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { StartupError } from '../startup-error.ts';
import { type AlgorithmSettings, algorithmsOf } from './algorithms.ts';

/**
 * The secret this installation signs with, made on its first start and readable by its user alone (0600).
 * @throws StartupError when it can be neither read nor written
 */
export function installationSecret(dataDir: string): string {
  const path = join(dataDir, 'secret');
  try {
    if (existsSync(path)) {
      const secret = readFileSync(path, 'utf8').trim();
      if (secret.length >= 32) return secret;
      throw new StartupError(`${path} holds no usable secret: remove it to have a new one made (all tokens end), or set JWT_SECRET_KEY`);
    }
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
    const secret = randomBytes(48).toString('base64url');
    writeFileSync(path, `${secret}\n`, { mode: 0o600, flag: 'wx' });
    return secret;
  } catch (cause) {
    if (cause instanceof StartupError) throw cause;
    throw new StartupError(`the secret ${path} cannot be read or made (${(cause as Error).message})`, { cause });
  }
}

export interface SecretSettings extends AlgorithmSettings {
  readonly secrets: readonly string[] | undefined;
  readonly dataDir: string;
}

/** The secrets of JWT_SECRET_KEY where they count: where HS256 is not listed, they do not [J4]. */
export function sharedSecrets(settings: SecretSettings): readonly string[] | undefined {
  return algorithmsOf(settings).includes('HS256') ? settings.secrets : undefined;
}

/**
 * What HS256 tokens are signed (by the first) and verified with: shared secrets, else the installation's own.
 * @throws StartupError when there is none and none can be made, or the settings contradict each other
 */
export function secretsOf(settings: SecretSettings): readonly string[] {
  return sharedSecrets(settings) ?? [installationSecret(settings.dataDir)];
}
