import { erasureContract } from '../../hub/contracts/erasure.ts';
import { passesContract } from '../../hub/contracts/passes.ts';
import { recordsContract } from '../../hub/contracts/records.ts';
import { sessionLogContract } from '../../hub/contracts/session-log.ts';
import { sharedErasureContract } from '../../hub/contracts/shared-erasure.ts';
import { sharedStoreContract } from '../../hub/contracts/shared-store.ts';
import { storeContract } from '../../hub/contracts/store.ts';
import { database } from './testing/database.ts';

erasureContract('PostgresStore', database);
sharedErasureContract('PostgresStore', database);
storeContract('PostgresStore', database);
sharedStoreContract('PostgresStore', database);
recordsContract('PostgresStore', database);
passesContract('PostgresStore', database);
sessionLogContract('PostgresStore', database);
