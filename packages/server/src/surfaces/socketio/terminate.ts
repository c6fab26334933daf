import type { Socket } from 'socket.io';

/** What stands behind Engine.IO's WebSocket transport. */
interface Behind {
  readonly socket?: { terminate(): void };
}

/**
 * Ends a connection at once. Closing alone waits for the other side to agree, half a minute if it never does; Engine.IO
 * has no word for not waiting, so the WebSocket behind its transport is cut.
 */
export function terminate(conn: Socket['conn']): void {
  const { socket } = conn.transport as unknown as Behind;
  conn.close(true);
  socket?.terminate();
}
