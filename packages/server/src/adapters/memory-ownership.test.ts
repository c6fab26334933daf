import { ownershipContract } from '../hub/contracts/ownership.ts';
import { MemoryOwnership } from './memory-ownership.ts';

ownershipContract('MemoryOwnership', async () => new MemoryOwnership());
