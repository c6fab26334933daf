import { fileURLToPath } from 'node:url';
import type { Peer, PlannedConnection } from './peer.ts';
import { reachable } from './reachable.ts';

const NO_WORK = 'no tokens, validation, limits, order, ETA, geofences, events, storage, acknowledgement, resume; does not read the message';

function relay(script: string): Pick<Peer, 'launch' | 'ready' | 'acknowledges'> {
  return {
    acknowledges: false,
    launch: (port) => ({
      command: process.execPath,
      args: [fileURLToPath(new URL(`../relays/${script}`, import.meta.url)), String(port)],
      env: {},
    }),
    ready: reachable,
  };
}

function pairs(drivers: number, make: (side: 'p' | 's', topic: number) => PlannedConnection): PlannedConnection[] {
  return Array.from({ length: drivers }, (_, topic) => [make('p', topic), make('s', topic)]).flat();
}

function pathPairs(drivers: number): PlannedConnection[] {
  return pairs(drivers, (side, topic) => ({ path: `/${side}/${topic}` }));
}

export const wsRelay: Peer = {
  ...relay('ws-relay.ts'),
  name: 'ws',
  label: 'ws relay',
  doesNot: NO_WORK,
  mark: '"type":"fix"',
  prefix: '',
  suffix: '',
  plan: async (_port, drivers) => pathPairs(drivers),
};

export const socketIoRelay: Peer = {
  ...relay('socketio-relay.ts'),
  name: 'socketio',
  label: 'Socket.IO room',
  doesNot: `${NO_WORK.replace('; does not read the message', '')}; it parses and encodes the JSON, as its protocol asks`,
  mark: '42["fix",',
  prefix: '42["fix",',
  suffix: ']',
  plan: async (_port, drivers) =>
    pairs(drivers, (side, topic) => ({
      path: `/socket.io/?EIO=4&transport=websocket&side=${side}&topic=${topic}`,
      first: '40',
      marker: '40{',
    })),
};

/** Not a peer: the ceiling of generator and machine. `binary` is `ceiling.c`, built. */
export function ceiling(binary: string): Peer {
  return {
    ...wsRelay,
    name: 'ceiling',
    label: 'C relay (ceiling)',
    doesNot: `${NO_WORK}; no peer, only proof of what the generator can do`,
    launch: (port) => ({ command: binary, args: [String(port)], env: {} }),
    plan: async (_port, drivers) => pathPairs(drivers),
  };
}
