import { WebSocket } from 'ws';

/** What a server that refuses a handshake answers. */
export function refusedUpgrade(
  url: string,
  headers: Readonly<Record<string, string>>,
): Promise<{ status: number; headers: Readonly<Record<string, unknown>>; body: string }> {
  const socket = new WebSocket(url.replace('http', 'ws'), { headers });
  return new Promise((resolve, reject) => {
    socket.once('open', () => {
      socket.terminate();
      reject(new Error(`the handshake for ${new URL(url).pathname} was taken`));
    });
    socket.on('error', () => undefined);
    socket.once('unexpected-response', (_request, response) => {
      let body = '';
      response.setEncoding('utf8').on('data', (text: string) => {
        body += text;
      });
      response.once('end', () => resolve({ status: response.statusCode ?? 0, headers: response.headers, body }));
    });
  });
}
