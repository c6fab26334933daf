import { presenceContract } from '../hub/contracts/presence.ts';
import { MemoryPresence } from './memory-presence.ts';

presenceContract('MemoryPresence', async () => new MemoryPresence());
