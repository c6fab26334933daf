import { describe, expect, it } from 'vitest';
import type { Codes } from '../ports.ts';

/** What any Codes must hold. */
export function codesContract(name: string, make: () => Promise<Codes<string>>): void {
  describe(`${name}: one-time codes [S8]`, () => {
    it('are good once', async () => {
      const all = await make();
      const { code } = await all.issue('car-a');
      expect(await all.redeem(code)).toBe('car-a');
      expect(await all.redeem(code)).toBeUndefined();
    });

    it('are good for one of many who ask at once', async () => {
      const all = await make();
      const { code } = await all.issue('car-a');
      const answers = await Promise.all(Array.from({ length: 10 }, () => all.redeem(code)));
      expect(answers.filter((answer) => answer === 'car-a')).toHaveLength(1);
    });

    it('that nobody was given are good for nothing', async () => {
      const all = await make();
      await all.issue('car-a');
      for (const code of ['', 'x', '__proto__', 'constructor']) expect(await all.redeem(code)).toBeUndefined();
    });

    it('cannot be guessed: 192 bits, never the same', async () => {
      const all = await make();
      const issued = await Promise.all(Array.from({ length: 500 }, async () => (await all.issue('car-a')).code));
      expect(new Set(issued).size).toBe(500);
      for (const code of issued) expect(code).toMatch(/^[A-Za-z0-9_-]{32}$/);
    });

    it('are told apart', async () => {
      const all = await make();
      const [a, b] = [await all.issue('car-a'), await all.issue('car-b')];
      expect([await all.redeem(b.code), await all.redeem(a.code)]).toEqual(['car-b', 'car-a']);
    });
  });
}
