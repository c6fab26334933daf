import { CLIENT_MESSAGES, SERVER_MESSAGES } from '../../dialects/fleet/messages.ts';
import type { Channel } from '../rest/reference/channel.ts';

/** The events of the Socket.IO surface, for the AsyncAPI document. */
export const FLEET_CHANNEL: Channel = {
  name: 'fleet',
  title: 'Fleet apps, Socket.IO 4',
  address: '/socket.io/',
  description: 'Socket.IO 4 over websocket and polling; the token in `auth: {token}` of the handshake. Every event may carry a callback.',
  parameters: {},
  security: [],
  transport: 'Socket.IO',
  client: CLIENT_MESSAGES,
  server: SERVER_MESSAGES,
};
