import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { mustBeSecret, newSecret, rotated } from './secrets.ts';

const NOW = Date.UTC(2026, 0, 5, 8);

describe('secrets [W5]', () => {
  it('of ours are fine, and never twice the same', () => {
    const made = Array.from({ length: 100 }, newSecret);
    for (const secret of made) expect(mustBeSecret(secret)).toBe(secret);
    expect(new Set(made).size).toBe(100);
  });

  it('are 24 to 64 bytes in base64, padded', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 1, maxLength: 80 }), (bytes) => {
        const secret = `whsec_${Buffer.from(bytes).toString('base64')}`;
        if (bytes.length >= 24 && bytes.length <= 64) expect(mustBeSecret(secret)).toBe(secret);
        else expect(() => mustBeSecret(secret)).toThrow('24 to 64 bytes');
      }),
    );
    expect(() => mustBeSecret(`whsec_${'A'.repeat(33)}`)).toThrow('24 to 64 bytes');
  });

  it('that are replaced sign until their time, an earlier end stays, and ended ones go', () => {
    const first = rotated([], 'one', NOW, NOW);
    expect(first).toEqual([{ secret: 'one', until: null }]);
    const second = rotated(first, 'two', NOW, NOW + 1_000);
    expect(second).toEqual([
      { secret: 'two', until: null },
      { secret: 'one', until: NOW + 1_000 },
    ]);
    expect(rotated(second, 'three', NOW + 500, NOW + 9_000)).toEqual([
      { secret: 'three', until: null },
      { secret: 'two', until: NOW + 9_000 },
      { secret: 'one', until: NOW + 1_000 },
    ]);
    expect(rotated(second, 'three', NOW + 1_000, NOW + 1_000)).toEqual([{ secret: 'three', until: null }]);
  });
});
