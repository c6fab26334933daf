import { describe, expect, it } from 'vitest';
import { type Owner, type Ownership, PARTITIONS } from '../ports.ts';

/** What any Ownership must hold for a process that is the only one [P2, P3]; with others each has tests of its own. */
export function ownershipContract(name: string, make: () => Promise<Ownership>): void {
  describe(`${name} of a process that is alone`, () => {
    it('has everything once it has started, and hands it over when it closes; twice is safe', async () => {
      const ownership = await make();
      const share = new Set<number>();
      const owner: Owner = {
        gain: async (partitions) => {
          for (const one of partitions) share.add(one);
        },
        yield: async (partitions) => {
          for (const one of partitions) share.delete(one);
        },
        lose: () => {
          throw new Error('nobody else is there');
        },
      };
      await ownership.start(owner);
      expect([...share].sort((a, b) => a - b)).toEqual(Array.from({ length: PARTITIONS }, (_, partition) => partition));
      await Promise.all([ownership.close(), ownership.close()]);
      expect(share.size).toBe(0);
      await ownership.close();
    });

    it('does not start when what it has cannot be taken over, and says why', async () => {
      const ownership = await make();
      const gain = async (): Promise<void> => {
        throw new Error('the store is away');
      };
      await expect(ownership.start({ gain, yield: async () => undefined, lose: () => undefined })).rejects.toThrow('the store is away');
      await ownership.close();
    });
  });
}
