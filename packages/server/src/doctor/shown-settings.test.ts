import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { surveyConfig } from '../config.ts';
import { refused } from './check.ts';
import { asJson, asText } from './report.ts';
import { isReadable, shownSettings } from './shown-settings.ts';

/** All that is told of these settings, as text and as JSON. */
function told(env: Readonly<Record<string, string>>): string {
  const { settings, problems } = surveyConfig({ env, flags: {} });
  const checks = problems.map(({ message }) => ({ group: 'config', name: 'settings', ...refused(message) }));
  const report = { version: '0', ok: true, settings: shownSettings(settings), checks };
  return asJson(report) + asText(report);
}

const shownOf = (name: string, value: string): string | undefined =>
  shownSettings(surveyConfig({ env: { [name]: value }, flags: {} }).settings).find((one) => one.name === name)?.value;

describe('a setting is shown', () => {
  it.each([
    [
      'DATABASE_URL',
      'postgresql+asyncpg://user:hidden-one@db:5433/fleet?sslmode=require&password=hidden-one',
      'postgresql+asyncpg://user@db:5433/fleet?***',
    ],
    ['DATABASE_URL', 'postgresql://db/fleet?sslmode=require', 'postgresql://db/fleet?sslmode=require'],
    ['REDIS_URL', 'rediss://:hidden-one@a:6379,b:6379', 'rediss://a:6379,b:6379'],
    ['REDIS_URL', 'redis://hidden-one@a:6379/2', 'redis://a:6379/2'],
    ['BASEMAP_STYLE_URL', 'https://tiles.example/style.json?key=hidden-one', 'https://tiles.example/style.json?***'],
    ['DATABASE_URL', 'postgresql://user:12/hidden-one@db/fleet', 'set, not shown'],
    ['JWT_SECRET_KEY', 'hidden-one-of-many', 'set'],
    ['REDIS_PASSWORD', 'hidden-one', 'set'],
    ['CORS_ORIGINS', 'https://a.example,https://b.example:8443', 'https://a.example,https://b.example:8443'],
    ['SERVICE_NAME', 'trams', 'trams'],
    ['BASEMAP_STYLE_URL', '', 'not set'],
  ])('%s=%s as %s [C2]', (name, value, shown) => {
    expect(shownOf(name, value)).toBe(shown);
  });

  it('never with a password or a secret, whatever is in it and wherever it stands [C2]', () => {
    // Pieces of it would be as bad, up to any sign that means something in an address.
    const piece = fc.stringMatching(/^[A-Za-z0-9]{6,10}$/).map((text) => `Zq9${text}`);
    const password = fc.tuple(piece, fc.constantFrom('', '/', '?', '#', '@', ':', ',', '%', '&', ' ', '\\', '//', '%2F', '"'), piece);
    const places = fc.constantFrom<(secret: string) => Record<string, string>>(
      (secret) => ({ DATABASE_URL: `postgresql://user:${secret}@db:5432/fleet` }),
      (secret) => ({
        DATABASE_URL: `postgresql://user:${encodeURIComponent(secret)}@db/fleet`,
        DATABASE_READ_URL: `postgres://u:${secret}@r/f`,
      }),
      (secret) => ({ DATABASE_URL: `postgresql://db/fleet?password=${secret}` }),
      (secret) => ({ DATABASE_URL: `mysql://user:${secret}@db/fleet` }),
      (secret) => ({ REDIS_URL: `redis://:${secret}@redis:6379/1` }),
      (secret) => ({ REDIS_URL: `redis://user:${secret}@a:1,b:2` }),
      (secret) => ({ REDIS_URL: `http://user:${secret}@a` }),
      (secret) => ({ REDIS_PASSWORD: secret, WAYCAST_SECRET_KEY: secret }),
      (secret) => ({ JWT_SECRET_KEY: `${secret},${secret}` }),
      (secret) => ({ JWT_SECRET_KEY: 'short', SECRET_KEY: secret }),
      (secret) => ({ RIDE_SERVICE_URL: `https://user:${secret}@rides` }),
      (secret) => ({ JWT_JWKS_URL: `https://keys/?token=${secret}` }),
      (secret) => ({ CORS_ORIGINS: `https://user:${secret}@maps` }),
    );
    fc.assert(
      fc.property(password, places, ([first, sign, second], place) => {
        const text = told(place(`${first}${sign}${second}`));
        expect(text).not.toContain(first);
        expect(text).not.toContain(second);
      }),
      { numRuns: 2_000 },
    );
  });

  it('and an address in which the end of the password is a guess is not used either [C2]', () => {
    expect(isReadable('DATABASE_URL', 'postgresql://user:pass%2Fword@db/fleet')).toBe(true);
    expect(isReadable('DATABASE_URL', 'postgresql://user:12/word@db/fleet')).toBe(false);
    expect(isReadable('DATABASE_URL', 'postgresql://user:12?word@db/fleet')).toBe(false);
    expect(isReadable('REDIS_URL', 'redis://user:12?word@db')).toBe(false);
    expect(isReadable('REDIS_URL', 'redis://user:word@one:6379,redis://two:6379')).toBe(true);
  });
});
