import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { Jwks } from '../packages/server/src/auth/jwks.ts';
import { Tokens } from '../packages/server/src/auth/tokens.ts';
import { ManualClock } from '../packages/server/src/hub/contracts/manual-clock.ts';
import { type JwksProvider, type Manner, startJwksProvider } from './support/jwks-provider.ts';
import { keyPair, keySet } from './support/key-pair.ts';
import { until } from './support/until.ts';

const DRIVER = { sub: 'car-a', role: 'driver' };
const MINUTE = 60_000;
const old = keyPair('RS256', 'old');
const fresh = keyPair('ES256', 'fresh');
const stranger = keyPair('RS256', 'nobody-published-this');

let provider: JwksProvider;
beforeAll(async () => {
  provider = await startJwksProvider();
});
afterAll(() => provider.kill());

/** Keys from the provider, which answers as said; how often it was asked counts from here. */
async function opened(manner: Manner, { timeoutMs = 5_000, url = provider.url } = {}) {
  await provider.answer(manner);
  const asked = async (): Promise<number> => {
    // What was asked before this was asked before it over there too.
    await (await fetch(provider.url.replace('/keys', '/count'))).text();
    return (await provider.asked()).filter((path) => path === '/keys').length;
  };
  const before = await asked();
  const clock = new ManualClock();
  const health: { ok: boolean; problem: string | null }[] = [];
  const keys = new Jwks({ url, clock, timeoutMs, onHealth: (told) => health.push(told) });
  onTestFinished(() => keys.close());
  keys.start();
  const byKey = { algorithms: ['RS256', 'ES256'] as const, keys };
  const tokens = new Tokens({ secrets: ['x'.repeat(32)], requireExp: true, issuer: undefined, audience: undefined, byKey });
  const outcome = (token: string): Promise<string> =>
    tokens.verify(token).then(
      () => 'taken',
      ({ code }: { code: string }) => code,
    );
  return {
    clock,
    keys,
    health,
    tokens,
    outcome,
    asked: async () => (await asked()) - before,
    becomes: (token: string, wanted: string) =>
      until(
        () => outcome(token),
        (seen) => seen === wanted,
      ),
  };
}

describe('keys are kept fresh in the background [J5]', () => {
  it('every 10 minutes, no sooner', async () => {
    const { clock, outcome, asked, becomes } = await opened({ body: keySet(old) });
    expect(await outcome(old.sign(DRIVER))).toBe('taken');
    await provider.answer({ body: keySet(fresh) });
    clock.pass(10 * MINUTE - 1_000);
    expect(await outcome(old.sign(DRIVER))).toBe('taken');
    expect(await asked()).toBe(1);
    clock.pass(1_000);
    await becomes(old.sign(DRIVER), 'unauthenticated');
    expect(await asked()).toBe(2);
  });

  it.each([
    ['max-age=120', 120_000],
    ['max-age=0', MINUTE],
    ['max-age=1', MINUTE],
    ['max-age=999999', 10 * MINUTE],
  ])('as Cache-Control says, between 1 and 10 minutes: %s', async (said, after) => {
    const { clock, outcome, asked } = await opened({ body: keySet(old), headers: { 'cache-control': said } });
    expect(await outcome(old.sign(DRIVER))).toBe('taken');
    clock.pass(after - 1_000);
    expect(await asked()).toBe(1);
    clock.pass(1_000);
    await until(asked, (times) => times === 2);
  });

  it('also when somebody sets the clock back a year', async () => {
    const { clock, outcome, asked } = await opened({ body: keySet(old) });
    await outcome(old.sign(DRIVER));
    clock.set(clock.now() - 365 * 24 * 60 * MINUTE);
    expect(await outcome(stranger.sign(DRIVER))).toBe('unauthenticated');
    expect(await asked()).toBe(2);
  });

  it('a new key counts at its first token, an old one until it leaves the set', async () => {
    const { clock, outcome, asked, becomes } = await opened({ body: keySet(old) });
    expect(await outcome(old.sign(DRIVER))).toBe('taken');
    await provider.answer({ body: keySet(old, fresh) });
    clock.pass(30_000);
    expect(await outcome(fresh.sign(DRIVER))).toBe('taken');
    expect(await outcome(old.sign(DRIVER))).toBe('taken');
    expect(await asked()).toBe(2);
    await provider.answer({ body: keySet(fresh) });
    clock.pass(10 * MINUTE);
    await becomes(old.sign(DRIVER), 'unauthenticated');
    expect(await outcome(fresh.sign(DRIVER))).toBe('taken');
  });

  it('a new key without a name counts at its first token too', async () => {
    const [one, two] = [keyPair('RS256'), keyPair('RS256')];
    const { clock, outcome } = await opened({ body: keySet(one) });
    expect(await outcome(one.sign(DRIVER))).toBe('taken');
    await provider.answer({ body: keySet(two) });
    clock.pass(30_000);
    expect(await outcome(two.sign(DRIVER))).toBe('taken');
    expect(await outcome(one.sign(DRIVER))).toBe('unauthenticated');
  });
});

describe('keys nobody published [J6]', () => {
  it('make it ask at most once in 30 s, however many tokens name them', async () => {
    const { clock, outcome, asked } = await opened({ body: keySet(old) });
    expect(await outcome(old.sign(DRIVER))).toBe('taken');
    const bad = Array.from({ length: 1_000 }, (_, i) => stranger.sign(DRIVER, { kid: `kid-${i}` }));
    const flood = async () => new Set(await Promise.all(bad.map(outcome)));
    expect(await flood()).toEqual(new Set(['unauthenticated']));
    expect(await asked()).toBe(1);
    clock.pass(29_000);
    expect(await flood()).toEqual(new Set(['unauthenticated']));
    expect(await asked()).toBe(1);
    clock.pass(1_000);
    expect(await flood()).toEqual(new Set(['unauthenticated']));
    expect(await asked()).toBe(2);
    expect(await flood()).toEqual(new Set(['unauthenticated']));
    expect(await asked()).toBe(2);
    expect(await outcome(old.sign(DRIVER))).toBe('taken');
  });

  it('make it ask not at all when the kid is no text, or the token is wrong in itself', async () => {
    const { clock, outcome, asked } = await opened({ body: keySet(old) });
    await outcome(old.sign(DRIVER));
    clock.pass(MINUTE);
    const forged = [
      ...[{ a: 1 }, ['old'], 7, null].map((kid) => stranger.sign(DRIVER, { kid })),
      stranger.sign(DRIVER, { kid: 'old' }),
      stranger.sign(DRIVER, { alg: 'none' }),
      stranger.sign(DRIVER, { alg: 'PS256' }),
      stranger.sign(DRIVER, { crit: ['x'] }),
      'a.b.c',
    ];
    for (const token of forged) expect(await outcome(token)).toBe('unauthenticated');
    expect(await asked()).toBe(1);
  });

  it('are looked for at the configured address alone', async () => {
    const { clock, outcome } = await opened({ body: keySet(old) });
    await outcome(old.sign(DRIVER));
    clock.pass(MINUTE);
    const elsewhere = provider.url.replace('/keys', '/elsewhere');
    expect(await outcome(stranger.sign(DRIVER, { jku: elsewhere, x5u: elsewhere, jwk: stranger.jwk }))).toBe('unauthenticated');
    expect(await provider.asked()).not.toContain('/elsewhere');
  });
});

/** Ways not to answer, and what the log is told of each. */
const FAULTS: [string, Manner, RegExp][] = [
  ['says 500', { status: 500, body: keySet(old) }, /^it answered 500$/],
  ['says 404', { status: 404 }, /answered 404/],
  ['says 206', { status: 206, body: keySet(old) }, /answered 206/],
  ['redirects', { status: 302, headers: { location: '/elsewhere' }, body: keySet(stranger) }, /answered 302/],
  ['sends a page', { body: '<html>planted</html>', headers: { 'content-type': 'text/html' } }, /^it sent no JSON$/],
  ['sends no keys', { body: '{"keys":[]}' }, /no key for/],
  ['sends something else', { body: '{"planted":[]}' }, /no list of keys/],
  ['sends one bad key among good ones', { body: keySet(old, null) }, /./],
  ['sends more than fits', { body: JSON.stringify({ keys: [old.jwk], pad: 'x'.repeat(262_144) }) }, /more than 256 KB/],
  ['never stops sending', { slowly: 'without end' }, /more than 256 KB/],
  ['never answers', { slowly: 'never' }, /^it did not answer within 0\.3 s$/],
  ['answers drop by drop', { slowly: 'drop by drop' }, /did not answer within/],
  ['lies about its encoding', { headers: { 'content-encoding': 'gzip' }, body: keySet(old) }, /./],
];

describe('a provider that fails [J7]', () => {
  it.each(FAULTS)('because it %s takes nobody a valid token away, and is named once', async (_, manner, problem) => {
    const { clock, outcome, asked, health, becomes } = await opened({ body: keySet(old) }, { timeoutMs: 300 });
    expect(await outcome(old.sign(DRIVER))).toBe('taken');
    await provider.answer(manner);
    clock.pass(10 * MINUTE);
    await until(
      () => health.length,
      (told) => told > 0,
    );
    expect(health).toEqual([{ ok: false, problem: expect.stringMatching(problem) }]);
    expect(JSON.stringify(health)).not.toContain('planted');
    expect(await outcome(old.sign(DRIVER))).toBe('taken');
    // Whether this is a new key or none at all cannot be told now.
    expect(await outcome(fresh.sign(DRIVER))).toBe('keys_unavailable');
    clock.pass(24 * 60 * MINUTE);
    expect(await outcome(old.sign(DRIVER))).toBe('taken');
    expect(health).toHaveLength(1);
    await until(asked, (times) => times >= 3);
    await provider.answer({ body: keySet(old, fresh) });
    await until(
      () => {
        clock.pass(30_000);
        return health.length;
      },
      (told) => told > 1,
    );
    expect(health[1]).toEqual({ ok: true, problem: null });
    await becomes(fresh.sign(DRIVER), 'taken');
    expect(await provider.asked()).not.toContain('/elsewhere');
  });

  it('from the start is asked again soon, and tokens by key have to wait: retryable, with a time', async () => {
    const { clock, outcome, tokens, asked, becomes, health } = await opened({ status: 503 });
    const token = old.sign(DRIVER);
    await expect(tokens.verify(token)).rejects.toMatchObject({ code: 'keys_unavailable', retryAfter: 1 });
    for (const [times, seconds] of [1, 2, 4, 8, 16, 30, 30].entries()) {
      clock.pass((seconds - 1) * 1_000);
      expect(await asked()).toBe(times + 1);
      clock.pass(1_000);
      await until(asked, (seen) => seen === times + 2);
      expect(await outcome(token)).toBe('keys_unavailable');
    }
    for (let i = 0; i < 100; i++) expect(await outcome(stranger.sign(DRIVER, { kid: `${i}` }))).toBe('keys_unavailable');
    expect(await asked()).toBe(8);
    expect(health).toHaveLength(1);
    await provider.answer({ body: keySet(old) });
    clock.pass(30_000);
    await becomes(token, 'taken');
  });

  it('that is dead is asked at most every 30 s, and counts again once it is back', async () => {
    const dying = await startJwksProvider({ body: keySet(old) });
    onTestFinished(() => dying.kill());
    const { clock, outcome, health, becomes } = await opened({}, { url: dying.url });
    expect(await outcome(old.sign(DRIVER))).toBe('taken');
    await dying.kill();
    clock.pass(MINUTE);
    expect(await outcome(fresh.sign(DRIVER))).toBe('keys_unavailable');
    expect(health).toEqual([{ ok: false, problem: expect.stringMatching(/^it cannot be reached \(E\w+\)$/) }]);
    await dying.revive();
    await dying.answer({ body: keySet(old, fresh) });
    clock.pass(29_000);
    expect(await outcome(fresh.sign(DRIVER))).toBe('keys_unavailable');
    expect(await dying.asked()).toEqual([]);
    expect(await outcome(old.sign(DRIVER))).toBe('taken');
    clock.pass(1_000);
    await becomes(fresh.sign(DRIVER), 'taken');
    expect(await dying.asked()).toEqual(['/keys']);
  });

  it('that is slow is waited for, by all tokens together', async () => {
    const { keys, outcome, asked } = await opened({ slowly: 'never' }, { timeoutMs: 500 });
    keys.start();
    const waiting = Promise.all(Array.from({ length: 100 }, (_, i) => outcome(old.sign(DRIVER, { kid: `${i}` }))));
    expect(new Set(await waiting)).toEqual(new Set(['keys_unavailable']));
    expect(await asked()).toBe(1);
  });

  it('is let go of at the end, twice safely, with what is under way', async () => {
    const { keys, clock, health, asked } = await opened({ slowly: 'never' }, { timeoutMs: 600_000 });
    await until(asked, (times) => times === 1);
    keys.close();
    keys.close();
    await expect(keys.current()).rejects.toMatchObject({ code: 'keys_unavailable' });
    clock.pass(60 * MINUTE);
    expect(await asked()).toBe(1);
    expect(health).toEqual([]);
  });

  it('is not asked again after the end, and what was known is known', async () => {
    const { keys, clock, outcome, asked } = await opened({ body: keySet(old) });
    expect(await outcome(old.sign(DRIVER))).toBe('taken');
    keys.close();
    clock.pass(60 * MINUTE);
    expect(await outcome(stranger.sign(DRIVER))).toBe('unauthenticated');
    expect(await outcome(old.sign(DRIVER))).toBe('taken');
    expect(await asked()).toBe(1);
  });
});
