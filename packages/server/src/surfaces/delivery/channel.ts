import Type from 'typebox';
import { CLOSE_CODES } from '../../dialects/delivery/ends.ts';
import { CLIENT_MESSAGES, SERVER_MESSAGES } from '../../dialects/delivery/messages.ts';
import type { Channel } from '../rest/reference/channel.ts';

/** The socket of this contract, for the AsyncAPI document. */
export const DELIVERY_CHANNEL: Channel = {
  name: 'delivery',
  title: 'Delivery tracking',
  address: '/ws/tracking/{id}',
  description:
    "One tracking session of an order. Everybody is let in; who may not stay gets an `error` and close 1008 with the same words. Without a token it is the public's view; the session's rider sends positions.",
  parameters: { id: { description: 'the tracking id', examples: ['TRK-4ZJ6DVQK7Y3HTN2WQ5XK2BEMRU6PAF3C'] } },
  query: Type.Object({ token: Type.Optional(Type.String({ description: 'a JWT; without it a public watcher' })) }),
  security: [],
  client: CLIENT_MESSAGES,
  server: SERVER_MESSAGES,
  closeCodes: CLOSE_CODES,
};
