import { appendFileSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Behaviour, Received } from './receiver.ts';

/** The other side of a webhook, in a process of its own: writes down what comes, then answers as it is told to. */
const [log = '', told = '', port = '0'] = process.argv.slice(2);

function behaviour(path: string): Behaviour {
  const all = JSON.parse(readFileSync(told, 'utf8')) as Record<string, Behaviour>;
  return all[path] ?? all['*'] ?? {};
}

const server = createServer((request, response) => {
  const parts: Buffer[] = [];
  request.on('data', (part: Buffer) => parts.push(part));
  request.on('end', () => {
    const path = request.url ?? '/';
    const { status = 200, headers = {}, body = 'thanks', hold = false, hang = false, afterMs = 0 } = behaviour(path);
    const received: Received = {
      at: Date.now(),
      path,
      headers: request.headers as Record<string, string>,
      body: Buffer.concat(parts).toString('utf8'),
      status: hold ? null : status,
    };
    // Written before the answer: what was answered is always in the log.
    appendFileSync(log, `${JSON.stringify(received)}\n`);
    if (hold) return;
    setTimeout(() => {
      response.writeHead(status, headers);
      if (hang) response.write(body);
      else response.end(body);
    }, afterMs);
  });
});
server.listen(Number(port), '127.0.0.1', () => console.log((server.address() as AddressInfo).port));
