import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Holdings, nextStep } from './shares.ts';

const PARTITIONS = 64;

/** Processes that each take their steps, in any order, on locks that only one can have. */
class Fleet {
  readonly owners = new Map<number, number>();
  members: number[] = [];

  look(): Holdings {
    return { members: this.members, owners: new Map(this.owners) };
  }

  /** One process acts on what it saw, which may be out of date: a lock that is had cannot be had again. Answers whether something changed. */
  step(me: number, seen = this.look()): boolean {
    const { give, take } = nextStep(me, PARTITIONS, seen);
    let changed = false;
    for (const partition of give) changed = (this.owners.get(partition) === me && this.owners.delete(partition)) || changed;
    for (const partition of take) {
      if (this.owners.has(partition)) continue;
      this.owners.set(partition, me);
      changed = true;
    }
    return changed;
  }

  die(me: number): void {
    this.members = this.members.filter((one) => one !== me);
    for (const [partition, owner] of this.owners) if (owner === me) this.owners.delete(partition);
  }

  settle(): number {
    let rounds = 0;
    while (this.members.map((me) => this.step(me)).includes(true)) rounds++;
    return rounds;
  }

  shares(): number[] {
    return this.members.map((me) => [...this.owners.values()].filter((owner) => owner === me).length);
  }
}

describe('shares of partitions [P3]', () => {
  it('of one are all, of three 22, 21 and 21', () => {
    const fleet = new Fleet();
    fleet.members = [7];
    fleet.settle();
    expect(fleet.shares()).toEqual([64]);
    fleet.members = [7, 9, 8];
    fleet.settle();
    expect(fleet.shares()).toEqual([22, 21, 21]);
  });

  it('come to rest, even and whole, whoever comes and goes, and however old what each saw is', () => {
    const happening = fc.record({ who: fc.integer({ min: 1, max: 9 }), what: fc.constantFrom('comes', 'dies', 'looks', 'acts') });
    fc.assert(
      fc.property(fc.array(happening, { maxLength: 80 }), (happenings) => {
        const fleet = new Fleet();
        const seen = new Map<number, Holdings>();
        for (const { who, what } of happenings) {
          const isHere = fleet.members.includes(who);
          if (what === 'comes' && !isHere) fleet.members.push(who);
          if (what === 'dies') fleet.die(who);
          if (what === 'looks') seen.set(who, fleet.look());
          if (what === 'acts' && isHere) fleet.step(who, seen.get(who));
        }
        if (fleet.members.length === 0) fleet.members.push(1);
        expect(fleet.settle()).toBeLessThan(6);
        const shares = fleet.shares();
        expect(Math.max(...shares) - Math.min(...shares)).toBeLessThanOrEqual(1);
        expect(shares.reduce((sum, one) => sum + one, 0)).toBe(PARTITIONS);
      }),
    );
  });

  it('change hands no more than needed', () => {
    const fleet = new Fleet();
    fleet.members = [1, 2, 3];
    fleet.settle();
    const before = new Map(fleet.owners);
    fleet.members.push(4);
    fleet.settle();
    const moved = [...fleet.owners].filter(([partition, owner]) => before.get(partition) !== owner);
    expect(moved).toHaveLength(16);
    expect(moved.every(([, owner]) => owner === 4)).toBe(true);
  });

  it('of somebody who is no member are none', () => {
    expect(nextStep(5, PARTITIONS, { members: [1], owners: new Map() })).toEqual({ give: [], take: [] });
  });
});
