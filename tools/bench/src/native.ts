import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Builds one of our C files into `folder`; undefined when there is no gcc. A file that does not compile is an error. */
export function buildNative(name: 'generator' | 'ceiling', folder: string): string | undefined {
  const source = fileURLToPath(new URL(`../${name}.c`, import.meta.url));
  const binary = join(folder, name);
  const built = spawnSync('gcc', ['-O2', '-o', binary, source], { encoding: 'utf8', timeout: 60_000 });
  if (built.error !== undefined) return undefined;
  if (built.status !== 0) throw new Error(`gcc ${name}.c: ${built.stderr}`);
  return binary;
}
