import type { StorePlace } from './place.ts';
import { commitsContract } from './store-commits.ts';
import { driversContract } from './store-drivers.ts';
import { endsContract } from './store-ends.ts';
import { knownFixesContract } from './store-fixes.ts';
import { storeAgainstModel } from './store-model.ts';
import { partitionsContract } from './store-partitions.ts';
import { tripsContract } from './store-trips.ts';

/** What every store must hold, theme by theme. */
export function storeContract(name: string, make: () => StorePlace): void {
  commitsContract(name, make);
  knownFixesContract(name, make);
  driversContract(name, make);
  tripsContract(name, make);
  endsContract(name, make);
  partitionsContract(name, make);
  storeAgainstModel(name, make);
}
