import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, it } from 'vitest';
import { StartupError } from '../startup-error.ts';
import { installationSecret, secretsOf } from './secret.ts';

const folders: string[] = [];
function folder(): string {
  const dir = mkdtempSync(join(tmpdir(), 'waycast-secret-'));
  folders.push(dir);
  return dir;
}
afterEach(() => {
  for (const dir of folders.splice(0)) rmSync(dir, { recursive: true, force: true });
});

it('is made once, for its user alone, and kept', () => {
  const dir = join(folder(), 'data');
  const secret = installationSecret(dir);
  expect(secret.length).toBeGreaterThanOrEqual(32);
  expect(installationSecret(dir)).toBe(secret);
  expect(readFileSync(join(dir, 'secret'), 'utf8').trim()).toBe(secret);
  expect(statSync(join(dir, 'secret')).mode & 0o777).toBe(0o600);
  expect(installationSecret(folder())).not.toBe(secret);
});

it('that is too short to be one stops the start, without being shown', () => {
  const dir = folder();
  writeFileSync(join(dir, 'secret'), 'hunter2\n');
  expect(() => installationSecret(dir)).toThrow(StartupError);
  expect(() => installationSecret(dir)).toThrow(/remove it .* or set JWT_SECRET_KEY/);
  expect(() => installationSecret(dir)).not.toThrow(/hunter2/);
});

it('that cannot be written says so in one line', () => {
  const file = join(folder(), 'file');
  writeFileSync(file, '');
  expect(() => installationSecret(join(file, 'data'))).toThrow(/^the secret .* cannot be read or made/);
});

it('is what counts where HS256 is not listed: JWT_SECRET_KEY is then good for nothing [J4]', () => {
  const dataDir = folder();
  const secrets = ['a-secret-that-others-know'];
  const settings = { dataDir, secrets, algorithms: undefined, jwksUrl: 'https://id.example/keys' };
  expect(secretsOf(settings)).toEqual(secrets);
  expect(secretsOf({ ...settings, secrets: undefined })).toEqual([installationSecret(dataDir)]);
  expect(secretsOf({ ...settings, algorithms: ['RS256'] })).toEqual([installationSecret(dataDir)]);
  expect(() => secretsOf({ ...settings, algorithms: ['RS256'], jwksUrl: undefined })).toThrow(StartupError);
});
