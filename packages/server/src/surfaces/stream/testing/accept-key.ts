import { createHash } from 'node:crypto';

/** What a server has to answer to a handshake (RFC 6455, 4.2.2). */
export function acceptKey(request: string): string {
  const key = /^sec-websocket-key: (.+)$/im.exec(request)?.[1]?.trim() ?? '';
  return createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
}
