import { describe, expect, it } from 'vitest';
import { COMPOSE_KEYS, envExample } from '../deploy/env-example.ts';
import { readConfig } from '../packages/server/src/config.ts';
import { SETTINGS, textOf, variablesOf } from './support/deployment.ts';

describe('.env.example', () => {
  const uncommented = () => textOf('.env.example').replaceAll(/^# (\w+=)/gm, '$1');

  it('is what config.ts says now; if not: npm run env-example [V1]', () => {
    expect(textOf('.env.example')).toBe(envExample());
  });

  it('changes nothing as it stands, and has every setting with its default [V1]', () => {
    expect(variablesOf(textOf('.env.example'))).toEqual({});
    const all = variablesOf(uncommented());
    expect(Object.keys(all).toSorted()).toEqual([...SETTINGS, ...Object.keys(COMPOSE_KEYS)].toSorted());
    const given = Object.fromEntries(Object.entries(all).filter(([name, value]) => SETTINGS.has(name) && value !== ''));
    expect(Object.keys(given).length).toBeGreaterThan(15);
    expect(readConfig({ env: given, flags: {} })).toEqual(readConfig({ env: {}, flags: {} }));
  });

  it('names nothing for compose that would stop the server it also reaches [V2]', () => {
    for (const name of Object.keys(COMPOSE_KEYS)) {
      expect(name).not.toMatch(/^WAYCAST_/);
      expect(SETTINGS.has(name), name).toBe(false);
    }
  });
});
