import { passesContract } from '../../hub/contracts/passes.ts';
import { recordsContract } from '../../hub/contracts/records.ts';
import { sessionLogContract } from '../../hub/contracts/session-log.ts';
import { sharedStoreContract } from '../../hub/contracts/shared-store.ts';
import { storeContract } from '../../hub/contracts/store.ts';
import { database } from './testing/database.ts';

storeContract('PostgresStore', database);
sharedStoreContract('PostgresStore', database);
recordsContract('PostgresStore', database);
passesContract('PostgresStore', database);
sessionLogContract('PostgresStore', database);
