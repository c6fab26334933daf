/** The part of the standard WebSocket that is used: browsers, Node 24 and React Native all have it. */
export interface Socket {
  readonly readyState: number;
  readonly bufferedAmount: number;
  onopen: ((event: never) => void) | null;
  onmessage: ((event: never) => void) | null;
  onclose: ((event: never) => void) | null;
  onerror: ((event: never) => void) | null;
  send(data: string): void;
  close(code?: number, reason?: string): void;
}

export interface SocketEvents {
  open(): void;
  text(data: string): void;
  /** once; nothing comes after it */
  closed(code: number, reason: string): void;
}

/** Opens a WebSocket; the returned function drops it, and no event comes after that. */
export function openSocket(url: string, events: SocketEvents): { socket: Socket; drop: () => void } {
  const socket: Socket = new WebSocket(url);
  const silence = () => {
    socket.onopen = null;
    socket.onmessage = null;
    socket.onclose = null;
    // An error after the end would be an uncaught one in some runtimes.
    socket.onerror = () => {};
  };
  socket.onopen = () => events.open();
  socket.onmessage = (event: { data: unknown }) => {
    if (typeof event.data === 'string') events.text(event.data);
  };
  socket.onclose = (event: { code: number; reason: string }) => {
    silence();
    events.closed(event.code, event.reason);
  };
  socket.onerror = () => {};
  return {
    socket,
    drop: () => {
      silence();
      socket.close(1000);
    },
  };
}
