import { busContract } from '../hub/contracts/bus.ts';
import { MemoryBus } from './memory-bus.ts';

busContract('MemoryBus', () => new MemoryBus());
