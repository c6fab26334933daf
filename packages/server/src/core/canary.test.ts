import { isId } from '@waycast/protocol';
import { describe, expect, it } from 'vitest';
import { advanceCanary, canaryOf, isCanary, newCanary } from './canary.ts';
import type { Command } from './commands.ts';
import { noEffects } from './effects.ts';
import { fixFrom } from './fix.ts';

const RULES = { maxPlausibleSpeedKmh: 300, deliveriesMayJump: false };
const ID = canaryOf(7);
const NOW = Date.UTC(2026, 0, 5, 8);

const fixAt = (at: number): Command => ({
  kind: 'fixes',
  driverId: ID,
  receivedAt: at,
  reply: 9,
  live: true,
  stream: null,
  base: null,
  sender: 0,
  fixes: [{ seq: null, fix: fixFrom({ lat: 0, lng: (at - NOW) / 1e9 }, at) }],
});

describe('a canary', () => {
  it('is told by its id, which nobody else can have [U4]', () => {
    expect([isCanary(ID), isId(ID), isCanary('canary.7')]).toEqual([true, false, false]);
    expect(canaryOf(8)).not.toBe(ID);
  });

  it('publishes its positions, on its trip too, and answers; nothing else comes of it [U5]', () => {
    const canary = newCanary(ID, 'life');
    const effects = noEffects();
    for (const at of [NOW, NOW + 10_000]) advanceCanary(canary, fixAt(at), 1, RULES, effects);
    // Silence makes it stale, then offline; then it is heard of again.
    advanceCanary(canary, { kind: 'tick', driverId: ID, receivedAt: NOW + 200_000, reply: 0 }, 3, RULES, effects);
    expect(canary.online).toBe(false);
    advanceCanary(canary, fixAt(NOW + 300_000), 4, RULES, effects);
    const { published, answers, ...rest } = effects;
    expect(published.map(({ type, feed, seq }) => [type, feed, seq]).filter(([, feed]) => feed === `trip:${ID}`)).toEqual(
      [1, 2, 3].map((seq) => ['location', `trip:${ID}`, seq]),
    );
    expect(published.every(({ type }) => type === 'location')).toBe(true);
    expect(answers).toMatchObject([1, 2, 3].map(() => ({ reply: 9, kind: 'fixes', counts: { stored: 1, suspect: 0 } })));
    const { published: _published, answers: _answers, ...none } = noEffects();
    expect(rest).toEqual(none);
  });
});
