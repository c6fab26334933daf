import { busContract } from '../hub/contracts/bus.ts';
import { MemoryBus } from './memory-bus.ts';

busContract('MemoryBus', async () => new MemoryBus());
