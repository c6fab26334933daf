import { Agent, get } from 'node:http';
import { setTimeout as pause } from 'node:timers/promises';
import { parentPort, workerData } from 'node:worker_threads';
import type { Answers, Questions } from './questions.ts';

/** The thread that asks. Nothing else happens in it: what it measures is the server, not who sends the updates. */
async function askAll({ port, token, places, perSecond }: Questions): Promise<Answers> {
  const agent = new Agent({ keepAlive: true, maxSockets: 16 });
  const headers = { authorization: `Bearer ${token}` };
  const answers: Answers = { times: [], found: 0, failed: 0 };
  const start = performance.now();
  const open: Promise<void>[] = [];
  for (const [n, { lat, lng }] of places.entries()) {
    const due = start + (n * 1_000) / perSecond;
    if (due > performance.now()) await pause(due - performance.now());
    const asked = one(port, `/v1/drivers/nearby?lat=${lat}&lng=${lng}`, headers, agent).then(
      (drivers) => {
        answers.times.push(performance.now() - due);
        answers.found += drivers;
      },
      () => {
        answers.failed++;
      },
    );
    open.push(asked);
  }
  await Promise.all(open);
  agent.destroy();
  return answers;
}

function one(port: number, path: string, headers: Record<string, string>, agent: Agent): Promise<number> {
  return new Promise((resolve, reject) => {
    get({ host: '127.0.0.1', port, path, headers, agent, timeout: 10_000 }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.once('end', () => {
        if (response.statusCode === 200) resolve((JSON.parse(text) as { drivers: unknown[] }).drivers.length);
        else reject(new Error(`${response.statusCode} ${text.slice(0, 300)}`));
      });
    }).once('error', reject);
  });
}

parentPort?.postMessage(await askAll(workerData as Questions));
