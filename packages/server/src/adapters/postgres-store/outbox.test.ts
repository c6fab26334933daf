import { outboxContract } from '../../hub/contracts/outbox.ts';
import { database } from './testing/database.ts';

outboxContract('PostgresStore', () => {
  const place = database();
  return {
    open: async () => {
      const store = await place.open();
      return { store, outbox: store.outbox, close: () => store.close() };
    },
    remove: () => place.remove(),
  };
});
