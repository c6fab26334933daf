import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { SECRET, tempDir } from './support/server.ts';
import { type Ended, waycast } from './support/waycast.ts';

const home = tempDir();
afterAll(() => rmSync(home, { recursive: true, force: true }));

let files = 0;
const fresh = () => join(home, `dir-${++files}`);
function config(content: string): string {
  const path = join(home, `config-${++files}.json`);
  writeFileSync(path, content);
  return path;
}

/** A server that must not come up. */
const serve = (args: string[], env: Record<string, string> = {}): Promise<Ended> =>
  waycast(['serve', '--port', '0', '--data-dir', fresh(), ...args], { JWT_SECRET_KEY: SECRET, ...env });

/** One clear line that names what it is about, no stack, and the code; wrong usage may point to the help in parentheses. */
function expectLine({ code, out, err }: Ended, names: (string | RegExp)[], exit: number): void {
  expect(out, 'it came up').not.toContain('Waycast is up');
  const lines = err
    .trim()
    .split('\n')
    .filter((line) => exit !== 2 || !/^\(.*\)$/.test(line));
  expect(lines, err).toHaveLength(1);
  for (const name of names) expect(err).toMatch(name);
  expect(err).not.toMatch(/\n\s+at |node:internal|undefined|\[object/);
  expect(code, err).toBe(exit);
}

describe.concurrent('what nobody knows is named', () => {
  it('a flag', async () => {
    expectLine(await serve(['--unheard', '1']), [/--unheard/], 2);
  });
  it('a flag of a misspelt name, with what was meant', async () => {
    expectLine(await serve(['--prot', '1']), [/--prot/, /--port/], 2);
  });
  it('a command', async () => {
    expectLine(await waycast(['unheard']), [/unheard/], 2);
  });
  it('a key of the file', async () => {
    expectLine(await serve(['--config', config('{"UNHEARD": 1}')]), [/UNHEARD/, /config-/], 1);
  });
  it('a WAYCAST_ variable', async () => {
    expectLine(await serve([], { WAYCAST_PROT: '1' }), [/WAYCAST_PROT/], 1);
  });
  it('a flag without its value', async () => {
    expectLine(await waycast(['serve', '--port']), [/--port/], 2);
  });
});

describe.concurrent('a value that will not do is named with what will', () => {
  it.each<[string, Record<string, string>, (string | RegExp)[]]>([
    ['PORT', { PORT: 'http' }, [/http/, /65535|65,535/]],
    ['PORT', { PORT: '70000' }, [/70000/, /65535|65,535/]],
    ['PORT', { PORT: '80.5' }, [/80\.5/, /whole/]],
    ['METRICS_PORT', { METRICS_PORT: '-1' }, [/-1/, /65535/]],
    ['LOCATION_UPDATE_RATE_LIMIT', { LOCATION_UPDATE_RATE_LIMIT: 'often' }, [/often/, /number/]],
    ['MAX_PLAUSIBLE_SPEED_KMH', { MAX_PLAUSIBLE_SPEED_KMH: '-1' }, [/-1/, /number/]],
    ['MAX_CONNECTIONS_PER_DRIVER', { MAX_CONNECTIONS_PER_DRIVER: '0' }, [/"0"/, /number/]],
    ['MAX_CONNECTIONS_PER_DRIVER', { MAX_CONNECTIONS_PER_DRIVER: '1.5' }, [/1\.5/, /number/]],
    ['REST_RATE_LIMIT_PER_MINUTE', { REST_RATE_LIMIT_PER_MINUTE: 'NaN' }, [/NaN/, /number/]],
    ['JWT_REQUIRE_EXP', { JWT_REQUIRE_EXP: 'maybe' }, [/maybe/, /true or false/]],
    ['TRUST_PROXY', { TRUST_PROXY: '2' }, [/"2"/, /true or false/]],
    ['LOG_LEVEL', { LOG_LEVEL: 'loud' }, [/loud/, /info/]],
    ['DRAIN_SECONDS', { DRAIN_SECONDS: '1e9' }, [/1e9/, /3600/]],
    ['PUBLIC_URL', { PUBLIC_URL: 'not a url' }, [/not a url/]],
    ['CORS_ORIGINS', { CORS_ORIGINS: 'maps.example' }, [/maps\.example/, /http/]],
  ])('%s=%j', async (name, env, names) => {
    const { PORT, ...others } = env;
    const ended =
      PORT === undefined ? await serve([], others) : await waycast(['serve', '--data-dir', fresh()], { PORT, JWT_SECRET_KEY: SECRET });
    expectLine(ended, [name, ...names], 1);
  });

  it('a secret that is too short, without repeating it', async () => {
    const ended = await serve([], { JWT_SECRET_KEY: 'hunter2' });
    expectLine(ended, [/JWT_SECRET_KEY/, /16 characters/], 1);
    expect(ended.err).not.toContain('hunter2');
  });

  it('where it came from: flag, prefixed variable, file', async () => {
    expectLine(await serve(['--log-level', 'loud']), [/--log-level/, /loud/], 1);
    expectLine(await serve([], { WAYCAST_LOG_LEVEL: 'loud' }), [/WAYCAST_LOG_LEVEL/, /loud/], 1);
    expectLine(await serve(['--config', config('{"LOG_LEVEL":"loud"}')]), [/LOG_LEVEL/, /config-/, /loud/], 1);
  });

  it.each(['{"LOG_LEVEL":null}', '{"SERVICE_NAME":{"a":1}}', '{"JWT_ISSUER":null}', '{"SERVICE_NAME":[["x"]]}'])(
    '%s in a file: no null, no object for a text',
    async (content) => {
      const ended = await serve(['--config', config(content)]);
      expectLine(ended, [/LOG_LEVEL|SERVICE_NAME|JWT_ISSUER/], 1);
    },
  );
});

describe.concurrent('what the folder or the network does not give', () => {
  it('a DATA_DIR under a file', async () => {
    const file = config('{}');
    expectLine(await waycast(['serve', '--port', '0', '--data-dir', join(file, 'data')], { JWT_SECRET_KEY: SECRET }), [file], 1);
  });
  it('a DATA_DIR that is a file', async () => {
    const file = config('{}');
    expectLine(await waycast(['serve', '--port', '0', '--data-dir', file], { JWT_SECRET_KEY: SECRET }), [file], 1);
  });
  it('a host that is not here', async () => {
    expectLine(await serve(['--host', '203.0.113.7']), [/203\.0\.113\.7/], 1);
  });
  it('a configuration file that is missing, no JSON, or no object', async () => {
    expectLine(await serve(['--config', join(home, 'nowhere.json')]), [/nowhere\.json/], 1);
    const ended = await Promise.all(['{"PORT": 80', '[]', 'null'].map((content) => serve(['--config', config(content)])));
    for (const one of ended) expectLine(one, [/config-/], 1);
    expectLine(await serve(['--config', home]), [home], 1);
  });
  it('a database that is damaged', async () => {
    const dir = fresh();
    mkdirSync(dir, { recursive: true });
    writeFileSync(join(dir, 'waycast.db'), Buffer.alloc(8_192, 'not a database '));
    expectLine(await waycast(['serve', '--port', '0', '--data-dir', dir], { JWT_SECRET_KEY: SECRET }), [dir], 1);
  });
});

describe.concurrent('every command', () => {
  it.each([[], ['serve'], ['demo'], ['replay'], ['token'], ['doctor']])('helps: %s --help', async (...command) => {
    const { code, out, err } = await waycast([...command, '--help']);
    expect([code, err]).toEqual([0, '']);
    expect(out).toMatch(/^Usage: waycast/);
    for (const line of out.split('\n')) expect(line.length, line).toBeLessThanOrEqual(120);
  });

  it('is listed by --help, and --version is a version', async () => {
    const { out } = await waycast(['--help']);
    for (const command of ['serve', 'demo', 'replay', 'token', 'doctor']) expect(out).toMatch(new RegExp(`^  ${command} `, 'm'));
    expect((await waycast(['--version'])).out.trim()).toMatch(/^\d+\.\d+\.\d+$/);
  });

  it.each<[string[], RegExp]>([
    [['token'], /role/],
    [['token', '--role', 'root'], /root/],
    [['token', '--role', 'admin', '--ttl', 'long'], /long/],
    [['token', '--role', 'admin', '--ttl', '0s'], /ttl/],
    [['token', '--role', 'admin', 'extra'], /argument/],
    [['replay'], /file/],
    [['replay', '/nowhere.csv'], /nowhere\.csv/],
    [['replay', '--format', 'kml', 'x'], /kml/],
    [['demo', '--vehicles', 'x'], /vehicles/],
  ])('waycast %j says what is wrong', async (args, names) => {
    const ended = await waycast(args, { JWT_SECRET_KEY: SECRET, WAYCAST_DATA_DIR: fresh() });
    expectLine(ended, [names], args.includes('/nowhere.csv') ? 1 : 2);
  });
});
