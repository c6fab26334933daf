import { describe, expect, it } from 'vitest';
import { V8_OPTIONS } from '../scripts/setup.mjs';
import { CLI, settingsIn, textOf } from './support/deployment.ts';

describe('systemd', () => {
  const unit = textOf('deploy/systemd/waycast.service');
  const valuesOf = (name: string): string[] => [...unit.matchAll(new RegExp(`^${name}=(.*)$`, 'gm'))].map(([, value]) => value ?? '');
  const env = Object.fromEntries(
    valuesOf('Environment').flatMap((line) => line.split(' ').map((one) => one.split('=') as [string, string])),
  );

  it('sets only what is a setting [V2]', () => {
    expect(settingsIn(env, ['NODE_COMPILE_CACHE'])).toMatchObject({ host: '127.0.0.1', ports: [8080], dataDir: '/var/lib/waycast' });
    // Both are folders that systemd makes for this user.
    expect(valuesOf('StateDirectory')).toEqual(['waycast']);
    expect([valuesOf('CacheDirectory'), env.NODE_COMPILE_CACHE]).toEqual([['waycast'], '/var/cache/waycast']);
  });

  it('starts as npm start does, not as root [V3]', () => {
    const [command = ''] = valuesOf('ExecStart');
    expect(command.split(' ')).toEqual(['/opt/waycast/node_modules/.bin/node', ...V8_OPTIONS, CLI, 'serve']);
    expect(valuesOf('User')).toEqual(['waycast']);
    // V8 writes code as it runs.
    expect(valuesOf('MemoryDenyWriteExecute')).toEqual([]);
  });

  it('leaves more time than it takes to drain [V4]', () => {
    expect(Number(valuesOf('TimeoutStopSec')[0])).toBeGreaterThan(settingsIn(env, ['NODE_COMPILE_CACHE']).drainSeconds);
  });
});
