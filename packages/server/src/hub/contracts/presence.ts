import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { Presence } from '../ports.ts';

/** What any Presence must hold: rooms that never take more than their limit, whoever comes and goes [L4]. */
export function presenceContract(name: string, make: () => Promise<Presence>): void {
  describe(`${name} knows who is in which room`, () => {
    it('counts members as they come and go', async () => {
      const presence = await make();
      expect(await presence.count('a')).toBe(0);
      expect(await presence.enter('a', 'one', 3)).toBe(1);
      expect(await presence.enter('a', 'two', 3)).toBe(2);
      expect(await presence.enter('b', 'one', 3), 'rooms have nothing to do with one another').toBe(1);
      expect(await presence.count('a')).toBe(2);
      expect(await presence.leave('a', 'one')).toBe(1);
      expect(await presence.leave('a', 'two')).toBe(0);
      expect(await presence.count('b')).toBe(1);
    });

    it('refuses who is one too many, and takes the next once somebody left [L4]', async () => {
      const presence = await make();
      await presence.enter('a', 'one', 2);
      await presence.enter('a', 'two', 2);
      expect(await presence.enter('a', 'three', 2)).toBeNull();
      expect(await presence.count('a')).toBe(2);
      await presence.leave('a', 'one');
      expect(await presence.enter('a', 'three', 2)).toBe(2);
    });

    it('counts a member once however often it enters, and one that never entered not at all', async () => {
      const presence = await make();
      await presence.enter('a', 'one', 1);
      expect(await presence.enter('a', 'one', 1), 'who is in does not need room').toBe(1);
      expect(await presence.leave('a', 'nobody')).toBe(1);
      expect(await presence.leave('a', 'one')).toBe(0);
      expect(await presence.leave('a', 'one'), 'twice is safe').toBe(0);
    });

    it('lets no more in than there is room for, when all come at once [L4]', async () => {
      const presence = await make();
      const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => presence.enter('a', `m${n}`, 3)));
      expect(answers.filter((count) => count !== null).toSorted()).toEqual([1, 2, 3]);
      expect(await presence.count('a')).toBe(3);
    });

    it('gives each who asks for a seat a number above all before, however many ask at once [P9]', async () => {
      const presence = await make();
      const numbers: number[] = [await presence.next('s')];
      for (let n = 0; n < 5; n++) numbers.push(await presence.next('s'));
      numbers.push(...(await Promise.all(Array.from({ length: 20 }, () => presence.next('s')))));
      expect(numbers).toEqual(numbers.toSorted((a, b) => a - b));
      expect(new Set(numbers).size).toBe(26);
      expect(numbers.every((one) => Number.isSafeInteger(one) && one > 0)).toBe(true);
      expect(await presence.next('other')).toBeGreaterThan(0);
      expect(await presence.latest('s')).toBe(Math.max(...numbers));
      expect(await presence.latest('nobody took it')).toBe(0);
    });

    it('agrees with a set, whatever happens', async () => {
      const room = fc.constantFrom('a', 'b');
      const member = fc.constantFrom('1', '2', '3', '4');
      const step = fc.record({ room, member, what: fc.constantFrom('enter', 'leave'), limit: fc.integer({ min: 1, max: 3 }) });
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 40 }), async (steps) => {
          const presence = await make();
          const rooms = new Map([
            ['a', new Set<string>()],
            ['b', new Set<string>()],
          ]);
          for (const one of steps) {
            const model = rooms.get(one.room) as Set<string>;
            if (one.what === 'leave') {
              model.delete(one.member);
              expect(await presence.leave(one.room, one.member)).toBe(model.size);
            } else {
              const takes = model.has(one.member) || model.size < one.limit;
              if (takes) model.add(one.member);
              expect(await presence.enter(one.room, one.member, one.limit)).toBe(takes ? model.size : null);
            }
            expect(await presence.count(one.room)).toBe(model.size);
          }
        }),
        { numRuns: 50 },
      );
    });
  });
}
