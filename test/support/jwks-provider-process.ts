import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Manner, ToProvider } from './jwks-provider.ts';

// The other process of jwks-provider.ts: it answers /keys as it is told, counts who asks, and any other path with 200.
const tell = (message: object): unknown => process.send?.(message);
let manner: Manner = { body: '{"keys":[]}' };
const paths: string[] = [];

const server = createServer(({ url = '' }, response) => {
  paths.push(url);
  answer(response, url === '/keys' ? manner : { body: manner.body ?? '' });
});
process.on('message', (told: ToProvider) => {
  if (told.manner !== undefined) manner = told.manner;
  tell({ id: told.id, paths });
});
process.on('disconnect', () => process.exit());
server.listen(Number(process.argv[2]), '127.0.0.1', () => tell({ port: (server.address() as AddressInfo).port }));

function answer(response: ServerResponse, { status = 200, headers = {}, body = '', slowly }: Manner): void {
  if (slowly === 'never') return;
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  if (slowly === undefined) {
    response.end(body);
    return;
  }
  // By bytes that keep coming, so that no look at silence alone would end it; or by as many as are taken.
  const chunk = slowly === 'drop by drop' ? ' ' : ' '.repeat(65_536);
  const timer = setInterval(() => response.write(chunk), slowly === 'drop by drop' ? 50 : 1);
  response.once('close', () => clearInterval(timer));
}
